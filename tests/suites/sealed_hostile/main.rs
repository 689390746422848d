//! Bad input to members of sealed groups: nothing panics, nobody comes onto a roster or is heard who does not
//! hold the key and is there now, and every datagram is counted.

mod malformed;
mod strangers;
mod subject;
