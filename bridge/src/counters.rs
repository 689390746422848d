//! Counters, declared once: their fields, names and meanings.

/// A type with these counters, and what it says of them.
macro_rules! counters {
    ($(#[doc = $type_doc:literal])* $type:ident: $($(#[doc = $doc:literal])* $name:ident),* $(,)?) => {
        $(#[doc = $type_doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        #[non_exhaustive]
        pub struct $type {
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl $type {
            /// All of them, by name, each with its meaning.
            pub fn described(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + use<> {
                [$((stringify!($name), concat!($($doc),*).trim_ascii(), self.$name)),*].into_iter()
            }

            /// All of them, by name.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }

        impl core::fmt::Display for $type {
            /// Those that are not zero, in a line.
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                let mut separator = "";
                for (name, count) in self.all().filter(|(_, count)| *count > 0) {
                    write!(f, "{separator}{} {count}", name.replace('_', " "))?;
                    separator = ", ";
                }
                if separator.is_empty() {
                    f.write_str("nothing came through")?;
                }
                Ok(())
            }
        }
    };
}

pub(crate) use counters;
