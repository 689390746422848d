//! The little of HTTP that Prometheus needs.

/// What a client asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Request {
    /// The metrics, with their text or, for `HEAD`, without.
    Metrics {
        is_head: bool,
    },
    /// Something else.
    NotFound,
    BadMethod,
    Malformed,
    TooLong,
}

impl Request {
    /// What these bytes ask. `None`: more belongs to it.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let is_whole = bytes.windows(4).any(|end| end == b"\r\n\r\n")
            || bytes.windows(2).any(|end| end == b"\n\n");
        is_whole.then(|| Self::of(bytes).unwrap_or(Self::Malformed))
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let line = bytes.split(|byte| *byte == b'\n').next()?;
        let mut words = str::from_utf8(line).ok()?.trim_end().split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || !version.starts_with("HTTP/1.") {
            return None;
        }
        if !matches!(method, "GET" | "HEAD") {
            return Some(Self::BadMethod);
        }
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        Some(match path {
            "/metrics" => Self::Metrics {
                is_head: method == "HEAD",
            },
            _ => Self::NotFound,
        })
    }

    /// The answer, after which the connection ends.
    pub(super) fn answer(self, metrics: impl Fn() -> String) -> Vec<u8> {
        let (status, kind, body) = match self {
            Self::Metrics { .. } => (
                "200 OK",
                "text/plain; version=0.0.4; charset=utf-8",
                metrics(),
            ),
            Self::NotFound => ("404 Not Found", "text/plain", "see /metrics\n".to_owned()),
            Self::BadMethod => (
                "405 Method Not Allowed\r\nAllow: GET, HEAD",
                "text/plain",
                String::new(),
            ),
            Self::Malformed => ("400 Bad Request", "text/plain", String::new()),
            Self::TooLong => (
                "431 Request Header Fields Too Large",
                "text/plain",
                String::new(),
            ),
        };
        let length = body.len();
        let body = match self {
            Self::Metrics { is_head: true } => String::new(),
            _ => body,
        };
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn questions_are_read_once_they_are_whole() {
        for (text, request) in [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n", None),
            (
                "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
                Some(Request::Metrics { is_head: false }),
            ),
            (
                "HEAD /metrics?x=y HTTP/1.0\n\n",
                Some(Request::Metrics { is_head: true }),
            ),
            ("GET / HTTP/1.1\r\n\r\n", Some(Request::NotFound)),
            ("POST /metrics HTTP/1.1\r\n\r\n", Some(Request::BadMethod)),
            ("GET /metrics\r\n\r\n", Some(Request::Malformed)),
            ("GET /metrics HTTP/2\r\n\r\n", Some(Request::Malformed)),
            ("\r\n\r\n", Some(Request::Malformed)),
        ] {
            assert_eq!(Request::read(text.as_bytes()), request, "{text}");
        }
        let head = Request::Metrics { is_head: true }.answer(|| "1234".to_owned());
        let head = String::from_utf8(head).unwrap();
        assert!(head.contains("Content-Length: 4\r\n") && head.ends_with("\r\n\r\n"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_question_or_not(bytes in prop::collection::vec(any::<u8>(), 0..200), is_whole: bool) {
            let end: &[u8] = if is_whole { b"\n\n" } else { b"" };
            let request = Request::read(&[&bytes, end].concat());
            prop_assert!(request.is_some() || !is_whole);
        }
    }
}
