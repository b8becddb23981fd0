;; hog: func(mib: u32) -> u32, the bytes of memory it then has; traps when it gets no more
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "hog") (param $mib i32) (result i32)
      (local $at i32)
      (local $end i32)
      (local.set $at (i32.shl (memory.size) (i32.const 16)))
      (if (i32.eq (memory.grow (i32.shl (local.get $mib) (i32.const 4))) (i32.const -1)) (then unreachable))
      (local.set $end (i32.shl (memory.size) (i32.const 16)))
      ;; One byte of each 4 KiB page, so that the memory is resident and not only reserved.
      (block $done
        (loop $next
          (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
          (i32.store8 (local.get $at) (i32.const 1))
          (local.set $at (i32.add (local.get $at) (i32.const 4096)))
          (br $next)))
      (local.get $end)))
  (core instance $i (instantiate $m))
  (func (export "hog") (param "mib" u32) (result u32)
    (canon lift (core func $i "hog"))))
