(* SPDX-License-Identifier: GPL-2.0-only

   The peer that is not in the kernel: transactions of Kcas for OCaml on as many words as those
   of the cases alone-1 to alone-8 of kcasscale, to be run on the same machine in the same hour.
   Not part of make bench, for few distributions have it (Debian's unstable does:
   libkcas-ocaml-dev, with ocaml and ocaml-findlib).

     ocamlfind ocamlopt -O3 -package kcas,unix -linkpkg kcas.ml -o kcas && ./kcas

   A line for each: subject, words, minimum and median of 9 runs, ns for one transaction. What
   the garbage collector takes for them is in it. *)

open Kcas

let runs = 9
let each = 400_000

let measure name k f =
  let run _ =
    let begun = Unix.gettimeofday () in
    for _ = 1 to each do f () done;
    (Unix.gettimeofday () -. begun) *. 1e9 /. float each
  in
  let sorted = List.sort compare (List.init runs run) in
  Printf.printf "%s\t%d\t%.1f\t%.1f\n%!" name k (List.hd sorted) (List.nth sorted (runs / 2))

let words k = Loc.make_array k 0

let adds k =
  let locs = words k in
  let rec add ~xt i =
    if i >= 0 then begin
      Xt.incr ~xt locs.(i);
      add ~xt (i - 1)
    end
  in
  let tx ~xt = add ~xt (k - 1) in
  fun () -> Xt.commit { tx }

let reads k =
  let locs = words k in
  let rec sum ~xt i s = if i < 0 then s else sum ~xt (i - 1) (s + Xt.get ~xt locs.(i)) in
  let tx ~xt = sum ~xt (k - 1) 0 in
  fun () -> ignore (Sys.opaque_identity (Xt.commit { tx }))

let () =
  let atomic = Atomic.make 0 and loc = Loc.make 0 in
  measure "cmpxchg" 1 (fun () ->
      let v = Atomic.get atomic in
      ignore (Atomic.compare_and_set atomic v (v + 1)));
  measure "incr" 1 (fun () -> Loc.incr loc);
  List.iter (fun k -> measure "tx" k (adds k)) [ 1; 2; 4; 8 ];
  List.iter (fun k -> measure "tx-read" k (reads k)) [ 1; 2; 4; 8 ]
