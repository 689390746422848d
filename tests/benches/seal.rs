//! What sealing and opening a datagram costs beside the raw cipher.
//!
//!     cargo bench -p groupcast-tests --bench seal
//!
//! `datagram` is all that is done to a datagram: its header is read, its frames are encrypted and
//! authenticated. `cipher` is ChaCha20-Poly1305 as the crate `chacha20poly1305` has it, with the same key,
//! header and text. `derive` adds what those pay who do not keep a sender's key. `forged` is a datagram
//! whose tag does not fit.

use core::hint::black_box;

use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use groupcast::seal::{GroupKey, KeySet, Keyring, Portable};
use groupcast::wire::{self, Header, Suite};
use groupcast::{MemberId, Name, Session};

fn seal(criterion: &mut Criterion) {
    let keys = KeySet::new(GroupKey::new([7; 32]));
    let group = "239.1.2.3:12345".parse().unwrap();
    let ring = Keyring::derive(&keys, group, &Name::EMPTY).unwrap();
    let header = Header {
        suite: Suite::Sealed,
        tag: ring.sending().tag(),
        sender: MemberId::new(42).unwrap(),
        session: Session::new(7),
        counter: 1,
    };
    let subkey = ring.sending().subkey(header.sender, header.session);
    let cipher = ChaCha20Poly1305::new(&[7; 32].into());
    let nonce = [1; 12].into();

    for size in [64, 1024] {
        // Header and trailer, with what is between them: its content does not matter to the cipher.
        let mut start = [0; 64];
        let length = wire::emit(&header, &[], &mut start).unwrap();
        let mut clear = vec![0x2a; Header::LEN + size + 16];
        clear[..Header::LEN].copy_from_slice(&start[..Header::LEN]);
        assert_eq!(length, Header::LEN + 16);
        let mut sealed = clear.clone();
        subkey.seal(&Portable, &mut sealed).unwrap();
        let mut forged = sealed.clone();
        *forged.last_mut().unwrap() ^= 1;
        let text = vec![0x2a; size];
        let mut encrypted = text.clone();
        let tag = cipher
            .encrypt_inout_detached(&nonce, &clear[..22], encrypted.as_mut_slice().into())
            .unwrap();

        let mut bench = criterion.benchmark_group(format!("{size} octets"));
        bench.throughput(Throughput::Bytes(size as u64));
        let copy = BatchSize::SmallInput;
        bench.bench_function("seal datagram", |b| {
            b.iter_batched_ref(
                || clear.clone(),
                |datagram| subkey.seal(&Portable, black_box(datagram)).unwrap(),
                copy,
            );
        });
        bench.bench_function("seal cipher", |b| {
            b.iter_batched_ref(
                || text.clone(),
                |text| {
                    cipher
                        .encrypt_inout_detached(
                            &nonce,
                            &clear[..22],
                            black_box(text).as_mut_slice().into(),
                        )
                        .unwrap()
                },
                copy,
            );
        });
        bench.bench_function("open datagram", |b| {
            b.iter_batched_ref(
                || sealed.clone(),
                |datagram| subkey.open(&Portable, black_box(datagram)).unwrap().0,
                copy,
            );
        });
        bench.bench_function("open cipher", |b| {
            b.iter_batched_ref(
                || encrypted.clone(),
                |text| {
                    cipher
                        .decrypt_inout_detached(
                            &nonce,
                            &clear[..22],
                            black_box(text).as_mut_slice().into(),
                            &tag,
                        )
                        .unwrap();
                },
                copy,
            );
        });
        bench.bench_function("derive and open datagram", |b| {
            b.iter_batched_ref(
                || sealed.clone(),
                |datagram| {
                    let subkey = ring.sending().subkey(header.sender, header.session);
                    subkey.open(&Portable, black_box(datagram)).unwrap().0
                },
                copy,
            );
        });
        bench.bench_function("refuse forged datagram", |b| {
            b.iter_batched_ref(
                || forged.clone(),
                |datagram| subkey.open(&Portable, black_box(datagram)).unwrap_err(),
                copy,
            );
        });
        bench.finish();
    }
    criterion.bench_function("derive the keys of a group", |b| {
        b.iter(|| Keyring::derive(black_box(&keys), group, &Name::EMPTY));
    });
}

criterion_group!(benches, seal);
criterion_main!(benches);
