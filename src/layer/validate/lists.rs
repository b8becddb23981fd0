//! Schemas of the lists that passed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sha2::{Digest as _, Sha256};

use crate::message::{JsonRpcMessage, folded};
use crate::schema::{Compiled, MAX_SCHEMA, Unusable};
use crate::session::Party;

/// Bytes of a tool's name; MCP asks for 128 at most.
const MAX_NAME: usize = 256;
/// Bytes of one list, and of all.
const MAX_LIST: usize = 8 << 20;
const MAX_ALL: usize = 64 << 20;

type Ready = Result<Arc<Compiled>, Unusable>;

/// One schema, whoever lists it.
#[derive(Debug)]
pub(super) struct Schema {
    raw: Box<[u8]>,
    ready: Mutex<Option<Ready>>,
}

/// Whose list it is, hashed: names are as long as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Owner(u64, u64);

#[derive(Debug, Default)]
pub(super) struct Lists {
    hashers: (RandomState, RandomState),
    lists: HashMap<Owner, List>,
    /// By digest, so that a thousand sessions have a schema once.
    schemas: HashMap<[u8; 32], Weak<Schema>>,
    /// What is compiled, the oldest first.
    compiled: VecDeque<Weak<Schema>>,
    uses: u64,
    bytes: usize,
}

#[derive(Debug, Default)]
struct List {
    /// A tool without a schema has none here.
    tools: HashMap<String, Option<Arc<Schema>>>,
    /// What lax servers read their names as, hashed: a fold may be far longer than its name.
    folds: HashSet<u64>,
    used: u64,
    bytes: usize,
}

/// What a tool takes of the room: a schema that many list counts for each.
fn size(tool: &str, schema: Option<&Arc<Schema>>) -> usize {
    64 + tool.len() + schema.map_or(0, |schema| schema.raw.len())
}

impl Lists {
    pub(super) fn owner(&self, message: &JsonRpcMessage) -> Owner {
        let party = Party::of(message, None);
        let session = party.session_id().filter(|_| party.principal().is_none());
        let whose = (party.upstream(), party.principal(), session);
        Owner(self.hashers.0.hash_one(whose), self.hashers.1.hash_one(whose))
    }

    /// Whether there was room.
    pub(super) fn learn(
        &mut self,
        owner: Owner,
        tool: &str,
        raw: Option<&[u8]>,
        lists: usize,
        tools: usize,
    ) -> bool {
        let schema = raw.map(|raw| self.schema(raw));
        let size = size(tool, schema.as_ref());
        self.make_room(owner, lists, size);
        self.uses += 1;
        let list = self.lists.entry(owner).or_default();
        list.used = self.uses;
        let known = list.tools.get(tool).map(|known| self::size(tool, known.as_ref()));
        let bytes = list.bytes - known.unwrap_or_default() + size;
        if tool.len() > MAX_NAME || bytes > MAX_LIST || (known.is_none() && list.tools.len() >= tools) {
            return false;
        }
        self.bytes = self.bytes - list.bytes + bytes;
        list.bytes = bytes;
        list.tools.insert(tool.to_owned(), schema);
        if known.is_none() {
            list.folds.insert(self.hashers.0.hash_one(folded(tool)));
        }
        true
    }

    /// `None` of a tool that is in no list.
    pub(super) fn get(&mut self, owner: Owner, tool: &str) -> Option<Option<Arc<Schema>>> {
        self.uses += 1;
        let list = self.lists.get_mut(&owner)?;
        list.used = self.uses;
        list.tools.get(tool).cloned()
    }

    /// Whether a lax server may take the name for that of a tool in the list.
    pub(super) fn has_like(&self, owner: Owner, tool: &str) -> bool {
        let fold = self.hashers.0.hash_one(folded(tool));
        self.lists.get(&owner).is_some_and(|list| list.folds.contains(&fold))
    }

    /// Of more than so many, the oldest is made again when it is needed.
    pub(super) fn note_compiled(&mut self, schema: &Arc<Schema>, most: usize) {
        self.compiled.push_back(Arc::downgrade(schema));
        while self.compiled.len() > most.max(1) {
            if let Some(oldest) = self.compiled.pop_front().and_then(|oldest| oldest.upgrade()) {
                oldest.forget();
            }
        }
    }

    /// The lists that were used least recently go first; never the one that grows.
    fn make_room(&mut self, owner: Owner, most: usize, size: usize) {
        loop {
            let is_many = self.lists.len() >= most && !self.lists.contains_key(&owner);
            if !is_many && self.bytes + size <= MAX_ALL {
                return;
            }
            let others = self.lists.iter().filter(|(of, _)| **of != owner);
            let Some(oldest) = others.min_by_key(|(_, list)| list.used).map(|(of, _)| *of) else { return };
            self.bytes -= self.lists.remove(&oldest).map_or(0, |list| list.bytes);
        }
    }

    fn schema(&mut self, raw: &[u8]) -> Arc<Schema> {
        let digest: [u8; 32] = Sha256::digest(raw).into();
        if let Some(known) = self.schemas.get(&digest).and_then(Weak::upgrade) {
            return known;
        }
        let schema = Arc::new(Schema::new(raw));
        if self.schemas.len() == self.schemas.capacity() {
            self.schemas.retain(|_, schema| schema.strong_count() > 0); // before it grows
        }
        self.schemas.insert(digest, Arc::downgrade(&schema));
        schema
    }
}

impl Schema {
    /// Of one that is too large, nothing is kept.
    fn new(raw: &[u8]) -> Self {
        if raw.len() > MAX_SCHEMA {
            return Self { raw: Box::default(), ready: Mutex::new(Some(Err(Unusable("it is too large")))) };
        }
        Self { raw: raw.into(), ready: Mutex::new(None) }
    }

    /// Ready to check by, and whether it was made so just now. Who comes meanwhile waits for it.
    pub(super) fn ready(&self) -> (Ready, bool) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = ready.is_none();
        let ready = ready.get_or_insert_with(|| Compiled::new(&self.raw).map(Arc::new)).clone();
        (ready, is_new)
    }

    fn forget(&self) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*ready, Some(Ok(_))) {
            *ready = None;
        }
    }
}
