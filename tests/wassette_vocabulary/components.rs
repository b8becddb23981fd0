//! The components that tests give to a real Wassette, as text: they compile to what they say, with no toolchain.

use std::fs;
use std::path::{Path, PathBuf};

use wasmparser::Validator;

/// Each with how many parameters its one function has.
const COMPONENTS: [(&str, usize); 5] = [("add", 2), ("echo", 1), ("fail", 0), ("hog", 1), ("spin", 0)];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wassette/components")
}

fn compile(name: &str) -> Vec<u8> {
    wat::parse_file(folder().join(name).with_extension("wat")).expect("it is well-formed")
}

#[test]
fn each_text_is_a_component() {
    for (name, _) in COMPONENTS {
        // Version 13 in layer 1; a core module has version 1 in layer 0.
        assert_eq!(compile(name)[..8], *b"\0asm\x0d\0\x01\0", "{name}");
    }
}

#[test]
fn each_is_valid_and_exports_the_function_that_it_is_named_for() {
    for (name, parameters) in COMPONENTS {
        let types = Validator::new().validate_all(&compile(name));
        let types = types.unwrap_or_else(|error| panic!("{name}: {error}"));
        let types = types.as_ref();
        assert!(types.component_item_for_export(name).is_some(), "{name}");
        // What is lifted, and what is exported of it.
        assert_eq!(types.component_function_count(), 2, "{name}");
        let function = &types[types.component_function_at(1)];
        assert_eq!(function.params.len(), parameters, "{name}");
    }
}

#[test]
fn no_text_is_left_out() {
    assert_eq!(fs::read_dir(folder()).expect("the components are here").count(), COMPONENTS.len());
}
