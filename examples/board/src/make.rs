//! Memory that is there for good, made when the program starts.

pub use static_cell::StaticCell;

/// Makes a value of this type by its `new`, and keeps it for good: `make!(Tiny)`. Once for each place where
/// it is written.
///
/// What it makes is on the stack for a moment, and has to find room there; then that room is free again,
/// because this happens in a function of its own. A `ConstStaticCell` needs no such room, but its value is
/// copied from flash, which then holds all of it.
///
/// # Panics
///
/// The second time.
#[macro_export]
macro_rules! make {
    ($type:ty) => {{
        #[inline(never)]
        fn make() -> &'static mut $type {
            static PLACE: $crate::StaticCell<$type> = $crate::StaticCell::new();
            PLACE.init_with(<$type>::new)
        }
        make()
    }};
}
