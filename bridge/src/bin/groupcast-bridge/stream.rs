//! Bytes to and from the broker, with TLS or without. Nothing waits.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use rustls::ClientConnection;

/// What came of reading.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The connection is at its end.
    Closed,
    Io(io::Error),
    Tls(rustls::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) tcp: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// What is to be written next, without TLS.
    staged: Vec<u8>,
    written: usize,
}

impl Stream {
    pub(crate) fn new(tcp: TcpStream, mut tls: Option<ClientConnection>) -> Self {
        if let Some(tls) = &mut tls {
            // What waits is bounded before it comes here, and a packet must not be cut.
            tls.set_buffer_limit(None);
        }
        Self {
            tcp,
            tls: tls.map(Box::new),
            staged: Vec::new(),
            written: 0,
        }
    }

    /// Reads what there is, at most a buffer full. 0 if there is nothing yet.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Trouble> {
        let Some(tls) = &mut self.tls else {
            return match self.tcp.read(buffer) {
                Ok(0) => Err(Trouble::Closed),
                Ok(length) => Ok(length),
                Err(error) => none_yet(error),
            };
        };
        loop {
            match tls.reader().read(buffer) {
                Ok(0) => return Err(Trouble::Closed),
                Ok(length) => return Ok(length),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            match tls.read_tls(&mut self.tcp) {
                Ok(0) => return Err(Trouble::Closed),
                Ok(_) => {
                    if let Err(error) = tls.process_new_packets() {
                        // The broker is told why.
                        let _ = tls.write_tls(&mut self.tcp);
                        return Err(Trouble::Tls(error));
                    }
                }
                Err(error) => return none_yet(error),
            }
        }
    }

    /// Whether everything staged is with the system. If so, more may be staged.
    pub(crate) fn flush(&mut self) -> Result<bool, Trouble> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                if let Err(error) = tls.write_tls(&mut self.tcp) {
                    return none_yet(error).map(|_| false);
                }
            }
            return Ok(!tls.is_handshaking());
        }
        while let Some(rest @ [_, ..]) = self.staged.get(self.written..) {
            match self.tcp.write(rest) {
                Ok(length) => self.written += length,
                Err(error) => return none_yet(error).map(|_| false),
            }
        }
        self.staged.clear();
        self.written = 0;
        Ok(true)
    }

    /// Takes what is to be written next.
    pub(crate) fn stage(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        match &mut self.tls {
            // It has room, since what was staged before is written.
            Some(tls) => tls.writer().write_all(bytes)?,
            None => self.staged.extend_from_slice(bytes),
        }
        Ok(())
    }

    /// Whether to wait until it can be written to.
    pub(crate) fn wants_write(&self) -> bool {
        self.tls
            .as_ref()
            .map_or(!self.staged.is_empty(), |tls| tls.wants_write())
    }
}

fn none_yet(error: io::Error) -> Result<usize, Trouble> {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
        _ => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;

    use rustls::{ClientConfig, RootCertStore};

    use super::*;

    #[test]
    fn a_packet_of_any_length_is_taken_as_a_whole() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let name = "broker.example".try_into().unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        for tls in [Some(tls), None] {
            let mut stream = Stream::new(tcp.try_clone().unwrap(), tls);
            stream.stage(&[0; 1 << 20]).unwrap();
        }
    }
}
