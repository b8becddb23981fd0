//! Which Wassette it is that the connector starts, and the folder in which its files are.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use shadowcat::connect::Wassette;
use shadowcat::connect::wassette::Stdio;

use crate::process::wassette::{folder, real};
use crate::process::{Folder, transcript_peer, wassette_0_2};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A child that says what this transcript says.
    Scripted(&'static str),
    /// The protocol code of Wassette 0.2 without its WebAssembly.
    Fixture,
    /// The program that `SHADOWCAT_WASSETTE` names.
    Real,
}

/// What the transcripts name by absolute paths lies below a folder.
pub(crate) struct World {
    pub(crate) kind: Kind,
    folder: Folder,
}

impl World {
    /// `None`: there is no such Wassette here.
    pub(crate) fn new(kind: Kind) -> Option<Self> {
        if kind == Kind::Real {
            real()?;
        }
        let folder = Folder::new();
        let world = Self { kind, folder };
        for below in ["components", "usr/share/doc", "var/lib/wassette/components"] {
            fs::create_dir_all(world.folder.path().join(below)).unwrap();
        }
        for name in ["echo", "add", "fail", "spin", "hog"] {
            let text = folder_of_texts().join(name).with_extension("wat");
            world.component(name, wat::parse_file(text).unwrap());
        }
        world.component("filesystem", "the fixture knows it by name");
        Some(world)
    }

    fn component(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.folder.write(&format!("components/{name}.wasm"), bytes);
    }

    /// With everything as it is by default.
    pub(crate) fn connector(&self) -> Stdio {
        let builder = Wassette::stdio().binary(self.program()).component_dir(self.component_dir());
        match self.kind {
            Kind::Scripted(name) => {
                builder.arg(folder().join("transcripts").join(name).with_extension("jsonl"))
            }
            // A component that spins takes a worker, and there may be fewer processors than that leaves any.
            Kind::Fixture | Kind::Real => builder.env("TOKIO_WORKER_THREADS", "4"),
        }
    }

    pub(crate) fn program(&self) -> OsString {
        match self.kind {
            Kind::Scripted(_) => transcript_peer().into(),
            Kind::Fixture => wassette_0_2().into(),
            Kind::Real => real().unwrap().into(),
        }
    }

    pub(crate) fn component_dir(&self) -> PathBuf {
        self.folder.path().join("var/lib/wassette/components")
    }

    fn root(&self) -> &str {
        if let Kind::Scripted(_) = self.kind { "" } else { self.folder.name() }
    }

    /// A line of the client, in this world.
    pub(crate) fn here(&self, line: &str) -> String {
        let root = self.root();
        line.replace("file:///components", &format!("file://{root}/components"))
            .replace("/usr/share/doc", &format!("{root}/usr/share/doc"))
    }

    /// A line of the server, as if this world were the root.
    pub(crate) fn there(&self, line: &str) -> String {
        if self.root().is_empty() { line.to_owned() } else { line.replace(self.root(), "") }
    }
}

fn folder_of_texts() -> PathBuf {
    folder().join("components")
}
