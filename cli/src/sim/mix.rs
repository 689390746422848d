//! Groups of different members: `leaf:20,tiny:5`.

use core::fmt;
use core::str::FromStr;

use groupcast::Class;
use groupcast_sim::Profile;

/// The most members of a group.
pub(super) const MOST: usize = 100_000;

/// So many members of each of these profiles, none of them twice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Mix(Vec<(Profile, usize)>);

impl Mix {
    /// Members who are all the same.
    pub(super) fn of(profile: Profile, members: usize) -> Self {
        Self(vec![(profile, members)])
    }

    pub(super) fn parts(&self) -> &[(Profile, usize)] {
        &self.0
    }

    pub(super) fn members(&self) -> usize {
        self.0.iter().map(|(_, count)| count).sum()
    }

    pub(super) fn has(&self, profile: Profile) -> bool {
        self.0.iter().any(|(part, _)| *part == profile)
    }

    /// How many can send messages of this class.
    pub(super) fn can_send(&self, class: Class) -> usize {
        let parts = self.0.iter();
        let able = parts.filter(|(profile, _)| profile.supports(class));
        able.map(|(_, count)| count).sum()
    }

    /// How many of each send, if so many do: the first that can.
    pub(super) fn senders(&self, class: Class, senders: usize) -> Vec<(Profile, usize)> {
        let mut left = senders;
        let parts = self.0.iter();
        let able = parts.map(|(profile, count)| match profile.supports(class) {
            true => (*profile, *count),
            false => (*profile, 0),
        });
        able.map(|(profile, count)| {
            let sending = count.min(left);
            left -= sending;
            (profile, sending)
        })
        .collect()
    }
}

/// In words: `20 leaf, 5 tiny`, without those of whom there are none, or `none`.
pub(super) fn in_words(parts: &[(Profile, usize)]) -> String {
    let parts = parts.iter().filter(|(_, count)| *count > 0);
    let words: Vec<_> = parts
        .map(|(profile, count)| format!("{count} {profile}"))
        .collect();
    match words.is_empty() {
        true => "none".to_owned(),
        false => words.join(", "),
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut mix = Self(Vec::new());
        for part in text.split(',') {
            let (name, count) = part.split_once(':').ok_or_else(advice)?;
            let profile = Profile::ALL
                .into_iter()
                .find(|profile| profile.name() == name);
            let profile = profile.ok_or_else(advice)?;
            let count = count
                .parse()
                .ok()
                .filter(|count| (1..=MOST).contains(count));
            if mix.has(profile) {
                return Err(format!("{profile} is there twice; say how many in all"));
            }
            mix.0.push((profile, count.ok_or_else(advice)?));
        }
        if mix.members() > MOST {
            return Err(format!("a group has at most {MOST} members"));
        }
        Ok(mix)
    }
}

fn advice() -> String {
    let names = Profile::ALL.map(Profile::name).join(", ");
    format!("a mix is how many of each there are, such as leaf:20,tiny:5; there are {names}")
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (profile, count)) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{profile}:{count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixes_are_read_with_care_and_written_as_they_are_read() {
        let text = "leaf:20,tiny-peer:2,tiny:5,board:1,desktop:3";
        let mix: Mix = text.parse().unwrap();
        assert_eq!((mix.members(), mix.to_string().as_str()), (31, text));
        for bad in [
            "",
            "leaf",
            "leaf:",
            "leaf:0",
            "leaf:-1",
            "leaf:1,",
            "lamp:3",
            "leaf:1 tiny:2",
            "leaf:100001",
            "leaf:100000,tiny:1",
            "leaf:1,tiny:1,leaf:1",
            "Leaf:1",
        ] {
            assert!(bad.parse::<Mix>().is_err(), "{bad}");
        }
    }

    #[test]
    fn those_send_who_can() {
        let mix: Mix = "leaf:20,tiny:5,desktop:3".parse().unwrap();
        let words = |class, senders| in_words(&mix.senders(class, senders));
        assert_eq!(words(Class::State, 2), "2 leaf");
        assert_eq!(words(Class::State, 22), "20 leaf, 2 tiny");
        assert_eq!(words(Class::ReliableOrdered, 6), "5 tiny, 1 desktop");
        let able = [Class::Latest, Class::ReliableUnordered].map(|class| mix.can_send(class));
        assert_eq!(able, [28, 8]);
    }
}
