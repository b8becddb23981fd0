//! Interceptors in order, changed while traffic goes on.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::index::Index;
use super::link::Link;
use super::{Interceptor, Stats};
use crate::message::{Direction, JsonRpcMessage};

/// Interceptors in the order in which they are asked; cheap to clone, all clones are one chain.
///
/// Every message meets the chain as it stands when the message comes: none sees half of a change. A reply's later
/// messages meet the chain as it stands then.
///
/// ```
/// use shadowcat::layer::intercept::{Action, Chain, Interest, on};
///
/// let pass = || on(Interest::everything(), |_| Action::Continue);
/// let chain = Chain::new();
/// chain.add("b", pass())?;
/// chain.add("a", pass())?;
/// assert!(chain.move_to("a", 0));
/// assert_eq!(chain.names(), ["a", "b"]);
/// assert!(chain.remove("b"));
/// assert_eq!(chain.stats("a").unwrap().seen, 0);
/// # Ok::<(), shadowcat::layer::intercept::NameTaken>(())
/// ```
#[derive(Clone, Default)]
pub struct Chain(Arc<State>);

#[derive(Default)]
struct State {
    /// Told apart without the lock.
    version: AtomicU64,
    links: Mutex<Links>,
}

/// The chain at one moment.
pub(super) type Links = Arc<Joined>;

#[derive(Default)]
pub(super) struct Joined {
    links: Vec<Link>,
    index: Index,
}

impl Deref for Joined {
    type Target = [Link];

    fn deref(&self) -> &[Link] {
        &self.links
    }
}

/// There is an interceptor of that name in the chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an interceptor is named {0} already")]
pub struct NameTaken(Arc<str>);

impl Chain {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one at the end, with the defaults of [`Link::new`].
    ///
    /// # Errors
    ///
    /// The name is taken.
    pub fn add(&self, name: &str, interceptor: impl Interceptor) -> Result<(), NameTaken> {
        self.add_link(Link::new(name, interceptor))
    }

    /// Adds one at the end.
    ///
    /// # Errors
    ///
    /// The name is taken.
    pub fn add_link(&self, link: Link) -> Result<(), NameTaken> {
        self.insert(usize::MAX, link)
    }

    /// Adds one before the one that is at `index` now, or at the end.
    ///
    /// # Errors
    ///
    /// The name is taken.
    pub fn insert(&self, index: usize, link: Link) -> Result<(), NameTaken> {
        self.change(|links| match position(links, &link.name) {
            Some(_) => Err(NameTaken(link.name.clone())),
            None => {
                links.insert(index.min(links.len()), link);
                Ok(())
            }
        })
    }

    /// Puts one in the place of the one with its name, or at the end. Whether there was one.
    pub fn replace(&self, link: Link) -> bool {
        self.change(|links| match position(links, &link.name) {
            Some(at) => {
                links[at] = link;
                true
            }
            None => {
                links.push(link);
                false
            }
        })
    }

    /// Takes one out. Whether it was there. Messages that it holds are still its own.
    pub fn remove(&self, name: &str) -> bool {
        self.change(|links| position(links, name).map(|at| links.remove(at)).is_some())
    }

    /// Moves one to `index`, or to the end. Whether it is there.
    pub fn move_to(&self, name: &str, index: usize) -> bool {
        self.change(|links| {
            let link = position(links, name).map(|at| links.remove(at));
            let there = link.is_some();
            links.splice(index.min(links.len())..index.min(links.len()), link);
            there
        })
    }

    /// Their names, in order.
    pub fn names(&self) -> Vec<String> {
        self.lock().iter().map(|link| link.name.to_string()).collect()
    }

    /// What one did.
    pub fn stats(&self, name: &str) -> Option<Stats> {
        let links = self.lock().clone();
        position(&links, name).map(|at| links[at].counts.read())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<Link>) -> T) -> T {
        let mut links = self.lock();
        let mut changed = links.to_vec();
        let outcome = change(&mut changed);
        let index = Index::of(&changed);
        let before = std::mem::replace(&mut *links, Arc::new(Joined { links: changed, index }));
        self.0.version.fetch_add(1, Ordering::Release);
        drop(links);
        // What an interceptor does when it is dropped is not done under the lock.
        drop(before);
        outcome
    }

    /// How often it changed.
    pub(super) fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Links> {
        self.0.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn view(&self) -> View {
        let mut view = View { chain: self.clone(), version: 0, links: Arc::default() };
        view.refresh();
        view
    }
}

fn position(links: &[Link], name: &str) -> Option<usize> {
    links.iter().position(|link| *link.name == *name)
}

/// The chain as one reader knows it: the lock is taken only after a change.
#[derive(Clone)]
pub(super) struct View {
    chain: Chain,
    version: u64,
    links: Links,
}

impl View {
    /// The chain now.
    pub(super) fn now(&mut self) -> &Links {
        if self.chain.version() != self.version {
            self.refresh();
        }
        &self.links
    }

    /// Of the chain as [`now`](Self::now) gave it last.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }

    fn refresh(&mut self) {
        let links = self.chain.lock();
        self.version = self.chain.version();
        self.links = links.clone();
    }
}

/// Whether anyone wants to see the message; a response has the method of its request.
pub(super) fn is_wanted(
    links: &Joined,
    direction: Direction,
    message: &JsonRpcMessage,
    request: Option<&JsonRpcMessage>,
) -> bool {
    if !links.index.may_take(direction, message, request) {
        return false;
    }
    let (kind, method) = (message.kind(), message.method().or_else(|| request?.method()));
    links.iter().any(|link| link.takes(direction, kind, method))
}

impl Joined {
    /// Whether anyone may want to see what goes to the client.
    pub(super) fn may_want_replies(&self) -> bool {
        self.index.may_take_replies()
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lock().iter()).finish()
    }
}
