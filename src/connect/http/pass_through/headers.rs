//! Which headers pass, either way.

use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, ALT_SVC, AUTHORIZATION, CONTENT_TYPE, IF_NONE_MATCH, USER_AGENT,
};
use http::{HeaderMap, HeaderName};

use crate::protocol::header;
use crate::wire::http::{is_credential, is_hop_by_hop, is_nominated};

/// What of a client's request goes on.
const ON: [HeaderName; 6] =
    [ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, IF_NONE_MATCH, USER_AGENT, header::PROTOCOL_VERSION];

/// Of a request.
pub(super) fn asked(headers: &HeaderMap, transparent: bool) -> HeaderMap {
    let mut on = HeaderMap::new();
    for (name, value) in headers {
        let credential = transparent && name == AUTHORIZATION;
        if (ON.contains(name) || credential) && !is_nominated(headers, name) {
            on.append(name.clone(), value.clone());
        }
    }
    on
}

/// Of an answer. Another address for the server would lead clients around us.
pub(super) fn said(headers: &HeaderMap) -> HeaderMap {
    let mut back = HeaderMap::new();
    for (name, value) in headers {
        let stays = is_hop_by_hop(name) || is_credential(name) || name == ALT_SVC;
        if !stays && !is_nominated(headers, name) {
            back.append(name.clone(), value.clone());
        }
    }
    back
}
