//! The handle: limits, and what was counted.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::time::Instant;

use super::count::Counts;
use super::key::Keys;
use super::stats::{self, add};
use super::{Limit, Stats};
use crate::layer::judged::denied;
use crate::message::{Code, JsonRpcMessage};
use crate::policy::Decision;
use crate::reply::{Reply, Upstream};

/// Limits and their counts; cheap to clone, all clones are one. See the [module](super).
#[derive(Clone)]
pub struct Quotas(Arc<Shared>);

struct Shared {
    limits: Vec<Limit>,
    keys: Keys,
    counted: Mutex<Vec<Counts>>,
    counts: stats::Counts,
}

/// A request that is too much.
struct TooMuch<'a> {
    limit: &'a Limit,
    after: Duration,
}

impl Quotas {
    /// What a request is answered with that is too much: 429, as HTTP says it.
    ///
    /// The revision 2026-07-28 keeps −32768 to −32000 to itself and allows no new meaning from −32000 to −32019, where
    /// other protocols on JSON-RPC have one for this (Ethereum's −32005).
    pub const CODE: Code = Code(429);

    /// With these limits; each counts for itself.
    pub fn new(limits: impl IntoIterator<Item = Limit>) -> Self {
        let limits: Vec<_> = limits.into_iter().collect();
        let counted = limits.iter().map(|_| Counts::default()).collect();
        Self(Arc::new(Shared {
            limits,
            keys: Keys::default(),
            counted: Mutex::new(counted),
            counts: stats::Counts::default(),
        }))
    }

    /// What was done.
    pub fn stats(&self) -> Stats {
        let keys = self.counted().iter().map(Counts::len).sum::<usize>() as u64;
        Stats { keys, ..self.0.counts.read() }
    }

    pub(super) fn counts(&self) -> &stats::Counts {
        &self.0.counts
    }

    /// Counts a request; the answer to one that is too much.
    pub(super) fn judge(&self, request: &JsonRpcMessage) -> Option<Reply> {
        let Err(TooMuch { limit, after }) = self.take(request, Instant::now()) else {
            add(&self.0.counts.passed);
            return None;
        };
        add(&self.0.counts.refused);
        let millis = after.as_nanos().div_ceil(1_000_000);
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        let why = format!("the limit leaves nothing for another {millis} ms");
        let decision = Decision::deny("quota").rule(&*limit.id).reason(why);
        Some(denied(refusal(request, millis), decision))
    }

    /// By all limits, or by none.
    fn take(&self, request: &JsonRpcMessage, now: Instant) -> Result<(), TooMuch<'_>> {
        let limits = self.0.limits.iter().enumerate().filter(|(_, limit)| limit.counts(request));
        let keyed =
            limits.filter_map(|(index, limit)| Some((index, limit, self.0.keys.of(limit.per, request)?)));
        let keyed: Vec<_> = keyed.collect();
        let mut counted = self.counted();
        let mut places = Vec::with_capacity(keyed.len());
        let mut longest: Option<TooMuch<'_>> = None;
        for (index, limit, key) in keyed {
            match counted[index].ask(key, limit.amount, limit.max_keys, now) {
                Ok(place) => places.push((index, place)),
                Err(after) if longest.as_ref().is_none_or(|longest| longest.after < after) => {
                    longest = Some(TooMuch { limit, after });
                }
                Err(_) => {}
            }
        }
        if let Some(longest) = longest {
            return Err(longest);
        }
        if places.iter().any(|(_, place)| place.is_shared()) {
            add(&self.0.counts.shared);
        }
        places.into_iter().for_each(|(index, place)| counted[index].put(place));
        Ok(())
    }

    fn counted(&self) -> MutexGuard<'_, Vec<Counts>> {
        self.0.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// On HTTP it is a refusal as servers there word it; elsewhere nobody looks at that.
fn refusal(request: &JsonRpcMessage, millis: u64) -> Reply {
    let Some(id) = request.owned_id() else { return Reply::empty() };
    let data = format!(r#"{{"retryAfterMs":{millis}}}"#);
    let text = "Too many requests; try again later";
    let mut reply = Reply::one(JsonRpcMessage::refusal_with(Some(&id), Quotas::CODE, text, Some(&data)));
    let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from(millis.div_ceil(1000)))]);
    reply.extensions_mut().insert(Upstream::new(StatusCode::TOO_MANY_REQUESTS, headers, None));
    reply
}

impl fmt::Debug for Quotas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quotas")
            .field("limits", &self.0.limits)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
