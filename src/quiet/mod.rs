//! Wake-ups that lead nowhere.
//!
//! hyper wakes a connection whenever something is taken of a body that was read from it, so that it reads on. After
//! the last of that body there is nothing to read: the connection, and with it whatever answers the request, would
//! be polled for nothing, once for every request and once for every response. Here a wake-up that comes of the
//! taking itself is held back until it is known whether that was the last.

#[cfg(any(feature = "http-server", feature = "http-client"))]
mod driven;

use std::cell::Cell;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use http_body::{Body, Frame};

#[cfg(any(feature = "http-server", feature = "http-client"))]
pub(crate) use driven::Driven;

/// What wakes a connection, and can be held back.
struct Bell(Mutex<Option<Waker>>);

type Next<B> = Result<Frame<<B as Body>::Data>, <B as Body>::Error>;

#[derive(Default)]
enum Held {
    /// Whatever rings is heard.
    #[default]
    Nothing,
    /// The first that rings is held back.
    Listening,
    Rung(Arc<Bell>),
}

thread_local! {
    static HELD: Cell<Held> = const { Cell::new(Held::Nothing) };
}

/// The next frame of a body; its connection is not woken for that where the frame is the last.
pub(crate) fn poll_frame<B: Body>(mut body: Pin<&mut B>, cx: &mut Context<'_>) -> Poll<Option<Next<B>>> {
    let listening = Listening::begin();
    let polled = body.as_mut().poll_frame(cx);
    if matches!(polled, Poll::Ready(Some(Ok(_)))) && body.is_end_stream() {
        // Should its connection wait for it all the same, it is woken when the body is dropped.
        HELD.set(Held::Nothing);
    }
    drop(listening);
    polled
}

/// While it is there, this thread listens.
struct Listening;

impl Listening {
    fn begin() -> Self {
        HELD.set(Held::Listening);
        Self
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Held::Rung(bell) = HELD.take() {
            bell.ring();
        }
    }
}

impl Bell {
    fn ring(&self) {
        let waker = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        waker.into_iter().for_each(Waker::wake);
    }

    /// Whether it is rung later, or never.
    fn is_held(self: &Arc<Self>) -> bool {
        let hold = |held: &Cell<Held>| match held.take() {
            Held::Nothing => false,
            Held::Listening => {
                held.set(Held::Rung(self.clone()));
                true
            }
            Held::Rung(first) => {
                let is_same = Arc::ptr_eq(&first, self);
                held.set(Held::Rung(first));
                is_same
            }
        };
        HELD.try_with(hold).unwrap_or(false)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_held() {
            self.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Count {
        fn bell(self: &Arc<Self>) -> Waker {
            Arc::new(Bell(Mutex::new(Some(self.clone().into())))).into()
        }

        fn seen(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    /// So many frames; whoever is here is woken for each that is taken.
    struct Frames(usize, Vec<Waker>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.1.iter().for_each(Waker::wake_by_ref);
            self.0 = self.0.checked_sub(1).expect("a frame");
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }

        fn is_end_stream(&self) -> bool {
            self.0 == 0
        }
    }

    fn take(frames: &mut Frames) {
        assert!(poll_frame(Pin::new(frames), &mut Context::from_waker(Waker::noop())).is_ready());
    }

    #[test]
    fn only_the_last_frame_wakes_nobody() {
        let count = Arc::new(Count::default());
        let bell = count.bell();
        let mut frames = Frames(3, vec![bell.clone(), bell.clone()]);
        take(&mut frames);
        assert_eq!(count.seen(), 1);
        take(&mut frames);
        assert_eq!(count.seen(), 2);
        take(&mut frames);
        assert_eq!(count.seen(), 2);
        bell.wake();
        assert_eq!(count.seen(), 3);
    }

    #[test]
    fn whoever_is_woken_besides_is_woken() {
        let (count, other) = (Arc::new(Count::default()), Arc::new(Count::default()));
        take(&mut Frames(1, vec![count.bell(), other.bell(), other.clone().into()]));
        assert_eq!((count.seen(), other.seen()), (0, 2));
    }

    #[test]
    fn a_body_that_panics_holds_nothing_back() {
        let count = Arc::new(Count::default());
        let bell = count.bell();
        let mut none_left = Frames(0, vec![bell.clone()]);
        assert!(catch_unwind(AssertUnwindSafe(|| take(&mut none_left))).is_err());
        assert_eq!(count.seen(), 1);
        bell.wake();
        assert_eq!(count.seen(), 2);
    }
}
