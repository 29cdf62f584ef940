// SPDX-License-Identifier: GPL-2.0-only
/*
 * debra tests: reading and writing debugfs and sysfs as a user does.
 *
 * The file systems are mounted for the test alone, so it does not matter whether
 * and where the guest has mounted them; with the tests built in, nobody has yet.
 * Files of debugfs want a buffer in user space: KUnit gives the test one.
 */
#include <kunit/resource.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "debra_test_util.h"

#define DEBRA_TEST_TEXT		(128 * 1024)
#define DEBRA_TEST_PATH		96

struct debra_test_files {
	struct vfsmount *debugfs;
	struct vfsmount *sysfs;
	char __user *user;
	char *text;
};

static void debra_test_unmount(void *mnt)
{
	kern_unmount(mnt);
}

static struct vfsmount *debra_test_mount(struct kunit *test, const char *name)
{
	struct file_system_type *type = get_fs_type(name);
	struct vfsmount *mnt;

	KUNIT_ASSERT_NOT_NULL_MSG(test, type, "this kernel has no %s", name);
	mnt = kern_mount(type);
	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(mnt), "mounting %s: %ld", name, PTR_ERR(mnt));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_unmount, mnt));
	return mnt;
}

/**
 * debra_test_files() - access to debugfs and sysfs
 * @test: the test; only its own thread may use what is returned
 *
 * Return: to be given to the functions below.
 */
struct debra_test_files *debra_test_files(struct kunit *test)
{
	struct debra_test_files *files = kunit_kzalloc(test, sizeof(*files), GFP_KERNEL);
	unsigned long user;

	KUNIT_ASSERT_NOT_NULL(test, files);
	files->text = kunit_kzalloc(test, DEBRA_TEST_TEXT, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, files->text);
	user = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, user, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(user));
	files->user = (char __user *)user;
	files->debugfs = debra_test_mount(test, "debugfs");
	files->sysfs = debra_test_mount(test, "sysfs");
	return files;
}

/* A path begins with "debugfs/" or "sysfs/". */
static struct file *debra_test_open(struct debra_test_files *files, const char *path, int flags)
{
	bool sysfs = str_has_prefix(path, "sysfs/");

	return file_open_root_mnt(sysfs ? files->sysfs : files->debugfs,
				  strchr(path, '/') + 1, flags, 0);
}

/* Not filp_close(), which would put the release off and keep the module busy. */
static void debra_test_close(struct file *file)
{
	__fput_sync(file);
}

static ssize_t debra_test_read_some(struct debra_test_files *files, struct file *file, char *to,
				    size_t size, loff_t *pos)
{
	ssize_t nr;

	if (!file->f_op->read)
		return kernel_read(file, to, size, pos);
	nr = file->f_op->read(file, files->user, min_t(size_t, size, PAGE_SIZE), pos);
	if (nr > 0 && copy_from_user(to, files->user, nr))
		return -EFAULT;
	return nr;
}

/**
 * debra_test_read() - read a whole file
 * @files: from debra_test_files()
 * @path: debugfs/... or sysfs/...
 *
 * Return: the length of debra_test_text(), or an error.
 */
ssize_t debra_test_read(struct debra_test_files *files, const char *path)
{
	struct file *file = debra_test_open(files, path, O_RDONLY);
	size_t done = 0;
	loff_t pos = 0;
	ssize_t nr;

	files->text[0] = '\0';
	if (IS_ERR(file))
		return PTR_ERR(file);
	do {
		nr = debra_test_read_some(files, file, files->text + done,
					  DEBRA_TEST_TEXT - 1 - done, &pos);
		done += max_t(ssize_t, nr, 0);
	} while (nr > 0 && done < DEBRA_TEST_TEXT - 1);
	files->text[done] = '\0';
	debra_test_close(file);
	return nr < 0 ? nr : done;
}

const char *debra_test_text(struct debra_test_files *files)
{
	return files->text;
}

/**
 * debra_test_write() - write to a file
 * @files: from debra_test_files()
 * @path: debugfs/... or sysfs/...
 * @text: what to write, all at once
 *
 * Return: what the write returned, or the error of opening the file.
 */
ssize_t debra_test_write(struct debra_test_files *files, const char *path, const char *text)
{
	struct file *file = debra_test_open(files, path, O_WRONLY);
	size_t size = strlen(text);
	loff_t pos = 0;
	ssize_t nr;

	if (IS_ERR(file))
		return PTR_ERR(file);
	if (!file->f_op->write)
		nr = kernel_write(file, text, size, &pos);
	else if (copy_to_user(files->user, text, size))
		nr = -EFAULT;
	else
		nr = file->f_op->write(file, files->user, size, &pos);
	debra_test_close(file);
	return nr;
}

/**
 * debra_test_mode() - permissions of a file
 * @files: from debra_test_files()
 * @path: debugfs/... or sysfs/...
 *
 * Return: the permission bits, or an error.
 */
int debra_test_mode(struct debra_test_files *files, const char *path)
{
	struct file *file = debra_test_open(files, path, O_PATH);
	int mode;

	if (IS_ERR(file))
		return PTR_ERR(file);
	mode = file_inode(file)->i_mode & 07777;
	debra_test_close(file);
	return mode;
}

static void debra_test_domain_path(char path[DEBRA_TEST_PATH], struct debra_domain *dom,
				   const char *name)
{
	snprintf(path, DEBRA_TEST_PATH, "debugfs/debra/%s/%s", dom->name, name);
}

ssize_t debra_test_domain_read(struct debra_test_files *files, struct debra_domain *dom,
			       const char *name)
{
	char path[DEBRA_TEST_PATH];

	debra_test_domain_path(path, dom, name);
	return debra_test_read(files, path);
}

ssize_t debra_test_domain_write(struct debra_test_files *files, struct debra_domain *dom,
				const char *name, const char *text)
{
	char path[DEBRA_TEST_PATH];

	debra_test_domain_path(path, dom, name);
	return debra_test_write(files, path, text);
}

static long debra_test_number(const char *text)
{
	char digits[24];
	long value;

	strscpy(digits, text, sizeof(digits));
	digits[strcspn(digits, "\n")] = '\0';
	return kstrtol(digits, 10, &value) ? -EINVAL : value;
}

/* The value behind a name at the beginning of a line; -ENOENT without such a line. */
static long debra_test_lookup(const char *text, const char *name)
{
	size_t len = strlen(name);
	const char *line;

	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && !strncmp(line + len, ": ", 2))
			return debra_test_number(line + len + 2);
	}
	return -ENOENT;
}

/**
 * debra_test_stat() - a number of a domain's stats
 * @files: from debra_test_files()
 * @dom: the domain
 * @name: the name of the line
 *
 * Return: the number, or a negative error; no number is negative.
 */
long debra_test_stat(struct debra_test_files *files, struct debra_domain *dom, const char *name)
{
	ssize_t nr = debra_test_domain_read(files, dom, "stats");

	return nr < 0 ? nr : debra_test_lookup(files->text, name);
}

/**
 * debra_test_warnings() - how many WARN()s there have been since the boot
 * @files: from debra_test_files()
 *
 * Return: the number, or a negative error.
 */
long debra_test_warnings(struct debra_test_files *files)
{
	ssize_t nr = debra_test_read(files, "sysfs/kernel/warn_count");

	return nr < 0 ? nr : debra_test_number(files->text);
}

/**
 * debra_test_param() - the value of a module parameter of debra
 * @files: from debra_test_files()
 * @name: the parameter
 *
 * Return: the number, or a negative error.
 */
long debra_test_param(struct debra_test_files *files, const char *name)
{
	char path[DEBRA_TEST_PATH];
	ssize_t nr;

	snprintf(path, sizeof(path), "sysfs/module/debra/parameters/%s", name);
	nr = debra_test_read(files, path);
	return nr < 0 ? nr : debra_test_number(files->text);
}

struct debra_test_saved_param {
	struct debra_test_files *files;
	char path[DEBRA_TEST_PATH];
	char value[24];
};

static void debra_test_restore_param(void *data)
{
	struct debra_test_saved_param *saved = data;

	if (debra_test_write(saved->files, saved->path, saved->value) < 0)
		pr_err("debra-test: cannot restore %s\n", saved->path);
}

/**
 * debra_test_set_param() - change a module parameter of debra for this test
 * @test: the test
 * @files: from debra_test_files()
 * @name: the parameter
 * @value: its value until the test is over
 */
void debra_test_set_param(struct kunit *test, struct debra_test_files *files, const char *name,
			  unsigned int value)
{
	struct debra_test_saved_param *saved = kunit_kzalloc(test, sizeof(*saved), GFP_KERNEL);
	char text[24];
	long old;

	KUNIT_ASSERT_NOT_NULL(test, saved);
	old = debra_test_param(files, name);
	KUNIT_ASSERT_GE_MSG(test, old, 0, "reading the parameter %s", name);
	saved->files = files;
	snprintf(saved->path, sizeof(saved->path), "sysfs/module/debra/parameters/%s", name);
	snprintf(saved->value, sizeof(saved->value), "%ld", old);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, debra_test_restore_param, saved));
	snprintf(text, sizeof(text), "%u", value);
	KUNIT_ASSERT_EQ_MSG(test, debra_test_write(files, saved->path, text), strlen(text),
			    "setting the parameter %s", name);
	KUNIT_ASSERT_EQ(test, debra_test_param(files, name), value);
}
