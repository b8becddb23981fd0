//! A Wassette 0.2 of our own that listens on HTTP.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use shadowcat::connect::Wassette;
use shadowcat::connect::wassette::Serve;

use crate::process::eventually_async;
use crate::process::system::group;
use crate::support::NEVER;
use crate::turn::Turn;
use crate::world::{Kind, World};

/// One that knows only port 9001.
pub(crate) struct Old {
    pub(crate) world: World,
    _turn: Turn,
}

impl Old {
    pub(crate) fn new(kind: Kind) -> Option<Self> {
        Some(Self { world: World::new(kind)?, _turn: Turn::take() })
    }

    pub(crate) fn builder(&self) -> Serve {
        let builder =
            Wassette::serve().binary(self.world.program()).component_dir(self.world.component_dir());
        builder.env("TOKIO_WORKER_THREADS", "4")
    }

    pub(crate) fn component(&self, name: &str) -> String {
        self.world.here(&format!("file:///components/{name}.wasm"))
    }
}

pub(crate) async fn gone(id: u32) {
    eventually_async(NEVER, "the process is gone", || group(id).is_empty()).await;
}
