//! What rmcp 0.2 says otherwise than others, against a scripted server without a socket.

use shadowcat::connect::http::Options;
use shadowcat::reply::Upstream as Said;

use crate::support::*;
use crate::upstream::*;

#[tokio::test(start_paused = true)]
async fn rmcp_says_401_for_a_lost_session() {
    let options = Options::new().unauthorized_is_lost(true);
    let (mut leaf, mut server) = upstream_with(options);
    let _stream = open_session(&mut leaf, &mut server).await;
    let waiting = begin(&mut leaf, call(1));
    server.post(&call_text(1)).await.status(401);
    assert!(soon(waiting).await.unwrap().unwrap_err().is_session_lost());
}

#[tokio::test(start_paused = true)]
async fn rmcp_says_422_for_want_of_a_session() {
    for (is_rmcp, status) in [(true, 400), (false, 422)] {
        let (mut leaf, mut server) = upstream_with(Options::new().unauthorized_is_lost(is_rmcp));
        let waiting = begin(&mut leaf, call(1));
        let why = "Unexpected message, expect initialize request";
        server.post(&call_text(1)).await.say(422, "text/plain", why);
        let error = soon(waiting).await.unwrap().unwrap_err();
        assert!(error.is_invalid() && !error.is_session_lost(), "{error}");
        let said = error.extensions().get::<Said>().unwrap();
        assert_eq!((said.status.as_u16(), said.body.as_deref()), (status, Some(why.as_bytes())));

        // Of a request in a session it means what it says.
        let _stream = open_session(&mut leaf, &mut server).await;
        let waiting = begin(&mut leaf, call(2));
        server.post(&call_text(2)).await.status(422);
        let error = soon(waiting).await.unwrap().unwrap_err();
        assert_eq!(error.extensions().get::<Said>().unwrap().status, 422);
    }
}
