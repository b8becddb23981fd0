;; fail: func() -> result<string, string>, always the second
(component
  (core module $m
    (memory (export "memory") 1)
    ;; At 8: which case (1 is err), then the string's address and its length.
    (data (i32.const 8) "\01\00\00\00\20\00\00\00\12\00\00\00")
    (data (i32.const 32) "it fails, as asked")
    (func (export "fail") (result i32) (i32.const 8)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "fail") (result (result string (error string)))
    (canon lift (core func $i "fail") (memory $memory))))
