// SPDX-License-Identifier: GPL-2.0-only
/*
 * Objects with words, what becomes of them, and who holds that up: kcastorture and txtorture
 * each include a copy. Nobody finds one that was given back, and nobody writes to it.
 */
#include <linux/delay.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#define TORTURE_ALIVE		0x616c697665616c69UL
#define TORTURE_SLOTS		8
#define TORTURE_GRAVES		4096

struct torture_object {
	struct kcas_head head;
	unsigned long magic;
	struct kcas_word word[2];
};

static struct kcas_word torture_slot[TORTURE_SLOTS];	/* where objects are found */
static atomic_long_t torture_buried;

/* Dead objects are kept for a while, and looked at before they go: nobody writes to them. */
static struct torture_object *torture_grave[TORTURE_GRAVES];
static DEFINE_MUTEX(torture_grave_lock);	/* of @torture_grave and @torture_next_grave */
static unsigned int torture_next_grave;

static unsigned long torture_dead_value(const struct torture_object *object)
{
	return (unsigned long)object ^ TORTURE_ALIVE;
}

static void torture_exhume(struct torture_object *object)
{
	unsigned int i;

	if (!object)
		return;
	for (i = 0; i < ARRAY_SIZE(object->word); i++)
		if (READ_ONCE(object->word[i].content) != torture_dead_value(object))
			torture_error("written after its end", object->word[i].content, i);
	kfree(object);
}

static void torture_bury(struct kcas_head *head)
{
	struct torture_object *object = container_of(head, struct torture_object, head);
	unsigned int i;

	if (cmpxchg(&object->magic, TORTURE_ALIVE, 0) != TORTURE_ALIVE)
		torture_error("given back twice", object->magic, 0);
	for (i = 0; i < ARRAY_SIZE(object->word); i++) {
		if (READ_ONCE(object->word[i].content) & KCAS_RESERVED)
			torture_error("given back with a reference", object->word[i].content, i);
		WRITE_ONCE(object->word[i].content, torture_dead_value(object));
	}
	atomic_long_inc(&torture_buried);
	mutex_lock(&torture_grave_lock);
	swap(object, torture_grave[torture_next_grave]);
	torture_next_grave = (torture_next_grave + 1) % TORTURE_GRAVES;
	mutex_unlock(&torture_grave_lock);
	torture_exhume(object);
}

static void torture_object_init(struct torture_object *object)
{
	object->magic = TORTURE_ALIVE;
	kcas_init(&object->word[0], kcas_int(0));
	kcas_init(&object->word[1], kcas_int(0));
}

static struct torture_object *torture_object_new(void)
{
	struct torture_object *object = kmalloc(sizeof(*object), GFP_KERNEL);

	if (object)
		torture_object_init(object);
	return object;
}

static void torture_empty_graves(void)
{
	unsigned int i;

	for (i = 0; i < TORTURE_GRAVES; i++) {
		torture_exhume(torture_grave[i]);
		torture_grave[i] = NULL;
	}
}

/* Return: 0 or -ENOMEM, and torture_slots_free() frees those that there are. */
static int torture_slots_init(void)
{
	struct torture_object *object;
	unsigned int i;

	for (i = 0; i < TORTURE_SLOTS; i++) {
		object = torture_object_new();
		if (!object)
			return -ENOMEM;
		kcas_init(&torture_slot[i], (unsigned long)object);
	}
	return 0;
}

/* Nobody has operated on anything yet. */
static void torture_slots_free(void)
{
	unsigned int i;

	for (i = 0; i < TORTURE_SLOTS; i++)
		kfree((void *)torture_slot[i].content);
}

/* Holds all memory up, as long as a user should not. */
static int torture_pin_fn(void *unused)
{
	while (!torture_should_stop()) {
		debra_pin(&kcas_domain);
		mdelay(torture_random(20));
		debra_unpin(&kcas_domain);
		schedule_timeout_uninterruptible(msecs_to_jiffies(torture_random(100)) + 1);
	}
	return 0;
}

static int torture_barrier_fn(void *unused)
{
	while (!torture_should_stop()) {
		if (kcas_barrier())
			torture_error("kcas_barrier() failed", 0, 0);
		schedule_timeout_uninterruptible(msecs_to_jiffies(20) + 1);
	}
	return 0;
}
