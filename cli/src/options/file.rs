//! The file of settings and profiles.

use core::ops::Range;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use groupcast_std::InterfaceSelector;
use toml::de::{DeTable, DeValue};

use super::origin::Origin;
use super::{parse_group, parse_interface, parse_name, parse_path};
use crate::process::failure::Failure;

/// More than anybody writes.
const MOST: u64 = 1 << 20;

/// What a profile may say, and the top of the file, too.
const KEYS: [&str; 5] = ["group", "group-name", "interface", "key-file", "name"];

/// Of the top of the file alone: which profile to use, and all of them.
const PROFILE: &str = "profile";
const PROFILES: &str = "profiles";

/// Something that the file says, and in which line.
#[derive(Clone, Debug)]
pub(crate) struct Said<T> {
    pub(crate) value: T,
    line: usize,
}

/// Settings that belong together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    pub(crate) group: Option<Said<String>>,
    pub(crate) group_name: Option<Said<String>>,
    pub(crate) interface: Option<Said<InterfaceSelector>>,
    pub(crate) key_file: Option<Said<PathBuf>>,
    pub(crate) name: Option<Said<String>>,
}

impl Profile {
    /// What this one does not say is as the other has it.
    fn or(self, other: Self) -> Self {
        Self {
            group: self.group.or(other.group),
            group_name: self.group_name.or(other.group_name),
            interface: self.interface.or(other.interface),
            key_file: self.key_file.or(other.key_file),
            name: self.name.or(other.name),
        }
    }
}

/// What a file says.
#[derive(Debug)]
pub(crate) struct Settings {
    path: PathBuf,
    /// Where no profile says otherwise.
    top: Profile,
    /// The profile to use where none is asked for.
    usual: Option<Said<String>>,
    profiles: BTreeMap<String, Profile>,
}

/// Whether there is no file of this user: a home whose doors are shut is somebody else's, as after `setpriv`.
fn is_none(path: &Path, error: &std::io::Error) -> bool {
    let is_shut = || {
        path.symlink_metadata()
            .is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    error.kind() == ErrorKind::NotFound
        || (error.kind() == ErrorKind::PermissionDenied && is_shut())
}

impl Settings {
    /// What the file says: that which is asked for, or the user's, if there is one.
    pub(crate) fn load(asked: Option<&Path>) -> Result<Option<Self>, Failure> {
        let Some(path) = asked.map(Path::to_owned).or_else(usual_path) else {
            return Ok(None);
        };
        let mut text = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(MOST).read_to_end(&mut text));
        match read {
            Ok(_) => Self::parse(&path, &text).map(Some),
            Err(error) if asked.is_none() && is_none(&path, &error) => Ok(None),
            Err(error) => Err(Failure::Settings(format!(
                "cannot read the settings in {}: {error}",
                path.display()
            ))),
        }
    }

    fn parse(path: &Path, text: &[u8]) -> Result<Self, Failure> {
        let text = str::from_utf8(text).map_err(|error| {
            let line = line_of(text, error.valid_up_to());
            fault(path, line, "this is not UTF-8")
        })?;
        let reader = Reader { path, text };
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().unwrap_or(0..0);
            reader.fault(&at, error.message())
        })?;
        let mut settings = Self {
            path: path.to_owned(),
            top: Profile::default(),
            usual: None,
            profiles: BTreeMap::new(),
        };
        for (key, value) in table.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                (PROFILE, DeValue::Table(_)) => {
                    let text = format!("a profile is called [{PROFILES}.NAME]");
                    return Err(reader.fault(&key.span(), &text));
                }
                (PROFILE, value_of) => {
                    settings.usual =
                        Some(reader.text(PROFILE, &value.span(), value_of, parse_name)?);
                }
                (PROFILES, DeValue::Table(profiles)) => {
                    for (name, profile) in profiles {
                        let DeValue::Table(table) = profile.get_ref() else {
                            return Err(reader.fault(
                                &name.span(),
                                &format!("a profile is a table: [{PROFILES}.NAME], and its settings below"),
                            ));
                        };
                        let mut read = Profile::default();
                        for (key, value) in table {
                            let (at, name) = (key.span(), key.get_ref().as_ref());
                            if !reader.take(&mut read, name, &value.span(), value.get_ref())? {
                                return Err(reader.unknown(&at, name, &[]));
                            }
                        }
                        settings.profiles.insert(name.get_ref().to_string(), read);
                    }
                }
                (PROFILES, _) => {
                    let text =
                        format!("{PROFILES} are tables: [{PROFILES}.NAME], and settings below");
                    return Err(reader.fault(&key.span(), &text));
                }
                (name, value_of) => {
                    if !reader.take(&mut settings.top, name, &value.span(), value_of)? {
                        return Err(reader.unknown(&key.span(), name, &[PROFILE, PROFILES]));
                    }
                }
            }
        }
        if let Some(usual) = &settings.usual
            && !settings.profiles.contains_key(&usual.value)
        {
            return Err(fault(path, usual.line, &settings.no_profile(&usual.value)));
        }
        Ok(settings)
    }

    /// The settings of the profile that is asked for, or of the usual one, if there is one.
    pub(crate) fn profile(&self, asked: Option<&str>) -> Result<Profile, Failure> {
        let usual = self.usual.as_ref().map(|usual| usual.value.as_str());
        let Some(name) = asked.or(usual) else {
            return Ok(self.top.clone());
        };
        match self.profiles.get(name) {
            Some(profile) => Ok(profile.clone().or(self.top.clone())),
            None => Err(Failure::Settings(format!(
                "{}: {}",
                self.path.display(),
                self.no_profile(name)
            ))),
        }
    }

    /// All profiles, with what they do not say as at the top.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = (&str, Profile)> {
        let all = self.profiles.iter();
        all.map(|(name, profile)| (name.as_str(), profile.clone().or(self.top.clone())))
    }

    fn no_profile(&self, name: &str) -> String {
        let all: Vec<_> = self.profiles.keys().map(String::as_str).collect();
        let there = if all.is_empty() {
            format!("are none; one begins with the line [{PROFILES}.{name}]")
        } else {
            format!("are: {}", all.join(", "))
        };
        format!("there is no profile {name:?}; there {there}")
    }

    /// Sets what is not set yet to what the file says.
    pub(crate) fn fill<T>(
        &self,
        (setting, origin): (&mut Option<T>, &mut Origin),
        said: Option<Said<T>>,
    ) {
        if setting.is_none()
            && let Some(said) = said
        {
            *origin = self.origin(&said);
            *setting = Some(said.value);
        }
    }

    /// Where this comes from.
    pub(crate) fn origin<T>(&self, said: &Said<T>) -> Origin {
        Origin::File {
            path: self.path.clone(),
            line: said.line,
        }
    }
}

/// A file that is being read.
struct Reader<'f> {
    path: &'f Path,
    text: &'f str,
}

impl Reader<'_> {
    /// Takes a setting. `false`: it is none.
    fn take(
        &self,
        profile: &mut Profile,
        key: &str,
        at: &Range<usize>,
        value: &DeValue<'_>,
    ) -> Result<bool, Failure> {
        match key {
            "group" => profile.group = Some(self.text(key, at, value, parse_group)?),
            "group-name" => profile.group_name = Some(self.text(key, at, value, parse_name)?),
            "interface" => profile.interface = Some(self.text(key, at, value, parse_interface)?),
            "key-file" => {
                let mut said = self.text(key, at, value, parse_path)?;
                said.value = self.resolve(said.value);
                profile.key_file = Some(said);
            }
            "name" => profile.name = Some(self.text(key, at, value, parse_name)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn text<T>(
        &self,
        key: &str,
        at: &Range<usize>,
        value: &DeValue<'_>,
        parse: fn(&str) -> Result<T, &'static str>,
    ) -> Result<Said<T>, Failure> {
        let DeValue::String(text) = value else {
            let kind = value.type_str();
            let advice =
                format!("{key} is a text in quotation marks, and this is of the kind {kind}");
            return Err(self.fault(at, &advice));
        };
        let value = parse(text).map_err(|why| self.fault(at, &format!("{key}: {why}")))?;
        let line = line_of(self.text.as_bytes(), at.start);
        Ok(Said { value, line })
    }

    /// A path as it is meant here: `~` is the user's home, and others begin where this file is.
    fn resolve(&self, path: PathBuf) -> PathBuf {
        if let Ok(rest) = path.strip_prefix("~")
            && let Some(home) = std::env::home_dir()
        {
            return home.join(rest);
        }
        let folder = self.path.parent().unwrap_or_else(|| Path::new(""));
        folder.join(path)
    }

    fn unknown(&self, at: &Range<usize>, key: &str, more: &[&str]) -> Failure {
        let known: Vec<_> = KEYS.iter().chain(more).copied().collect();
        let text = format!("{key:?} is no setting; known are {}", known.join(", "));
        self.fault(at, &text)
    }

    fn fault(&self, at: &Range<usize>, what: &str) -> Failure {
        fault(self.path, line_of(self.text.as_bytes(), at.start), what)
    }
}

fn fault(path: &Path, line: usize, what: &str) -> Failure {
    Failure::Settings(format!("{}, line {line}: {what}", path.display()))
}

/// The number of the line in which this byte is.
fn line_of(text: &[u8], at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    1 + before.iter().filter(|octet| **octet == b'\n').count()
}

/// A profile was asked for, and there is no file.
pub(crate) fn missing(profile: &str) -> Failure {
    let place = usual_path().map(|path| format!(": {} is not there", path.display()));
    let place = place.unwrap_or_default();
    Failure::Settings(format!(
        "there is no profile {profile:?}{place}; in it, [{PROFILES}.{profile}] begins one"
    ))
}

/// Where the user's file is, if there is a user.
fn usual_path() -> Option<PathBuf> {
    path_in(std::env::var_os::<&str>, std::env::home_dir())
}

/// `~/.config`, on macOS too, as users of a command line expect; on Windows the folder for settings.
fn path_in(
    variable: impl Fn(&'static str) -> Option<OsString>,
    home: Option<PathBuf>,
) -> Option<PathBuf> {
    // A relative path is none, says the XDG Base Directory Specification.
    let set = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let folder = if cfg!(windows) { set("APPDATA") } else { None };
    let folder = set("XDG_CONFIG_HOME").or(folder);
    let folder =
        folder.or_else(|| Some(home.filter(|home| home.is_absolute())?.join(".config")))?;
    Some(folder.join("groupcast").join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
# Where no profile says otherwise.
name = "ana"
interface = "eth0"

[profiles.kitchen]
group = "239.1.2.4:5000"
key-file = "keys/kitchen.keys"

[profiles.game]
name = "Ana the Brave"
key-file = "~/game.keys"
"#;

    fn parse(text: &str) -> Result<Settings, String> {
        let path = Path::new("/h/ana/.config/groupcast/config.toml");
        Settings::parse(path, text.as_bytes()).map_err(said)
    }

    fn said(failure: Failure) -> String {
        match failure {
            Failure::Settings(text) => text,
            other => panic!("{other:?}"),
        }
    }

    fn value<T>(said: Option<Said<T>>) -> Option<T> {
        said.map(|said| said.value)
    }

    #[test]
    fn what_a_profile_does_not_say_is_as_above_it() {
        let settings = parse(FILE).unwrap();
        let top = settings.profile(None).unwrap();
        assert_eq!(value(top.name).as_deref(), Some("ana"));
        assert!(top.group.is_none() && top.key_file.is_none());

        let kitchen = settings.profile(Some("kitchen")).unwrap();
        assert_eq!(value(kitchen.name).as_deref(), Some("ana"));
        assert_eq!(
            value(kitchen.group.clone()).as_deref(),
            Some("239.1.2.4:5000")
        );
        assert_eq!(
            value(kitchen.key_file).as_deref(),
            Some(Path::new("/h/ana/.config/groupcast/keys/kitchen.keys"))
        );
        assert_eq!(
            settings.origin(&kitchen.group.unwrap()).to_string(),
            "/h/ana/.config/groupcast/config.toml, line 7"
        );

        let game = settings.profile(Some("game")).unwrap();
        assert_eq!(value(game.name).as_deref(), Some("Ana the Brave"));
        let key = value(game.key_file).unwrap();
        assert!(
            key.ends_with("game.keys") && !key.starts_with("/h/ana/.config"),
            "{key:?}"
        );
    }

    #[test]
    fn a_profile_can_be_the_usual_one() {
        let settings = parse(&format!("profile = \"kitchen\"\n{FILE}")).unwrap();
        let usual = settings.profile(None).unwrap();
        assert_eq!(value(usual.group).as_deref(), Some("239.1.2.4:5000"));
        let game = settings.profile(Some("game")).unwrap();
        assert!(game.group.is_none());
    }

    #[test]
    fn a_profile_that_is_not_there_is_told_with_those_that_are() {
        let settings = parse(FILE).unwrap();
        let text = said(settings.profile(Some("garden")).unwrap_err());
        assert!(
            text.ends_with("there is no profile \"garden\"; there are: game, kitchen"),
            "{text}"
        );
        let text = said(parse("").unwrap().profile(Some("x")).unwrap_err());
        assert!(
            text.ends_with("there are none; one begins with the line [profiles.x]"),
            "{text}"
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, expected) in [
            (
                "name = \"ana\"\ngrup = \"x\"",
                2,
                "\"grup\" is no setting; known are group,",
            ),
            (
                "[profiles.x]\nname = \"x\"\nkey_file = \"x\"",
                3,
                "\"key_file\" is no setting",
            ),
            (
                "[kitchen]\nname = \"x\"",
                1,
                "known are group, group-name, interface, key-file, name, profile, profiles",
            ),
            (
                "\nname = 7",
                2,
                "name is a text in quotation marks, and this is of the kind integer",
            ),
            ("name = \"\"", 1, "name: a name is not empty"),
            (
                "name = \"123456789012345678901234567890123\"",
                1,
                "name: it is longer than 32 bytes",
            ),
            (
                "[profiles.x]\ninterface = \" \"",
                2,
                "interface: an interface is",
            ),
            ("group = \"\"", 1, "group: a group is"),
            ("key-file = \"\"", 1, "key-file: "),
            (
                "profile = \"x\"\n",
                1,
                "there is no profile \"x\"; there are none",
            ),
            ("profiles = 3", 1, "profiles are tables"),
            (
                "\n[profile.x]\nname = \"x\"",
                2,
                "a profile is called [profiles.NAME]",
            ),
            ("[profiles]\nx = 3", 2, "a profile is a table"),
            ("name = \"a\"\nname = \"b\"", 2, "duplicate key"),
            ("name = ana", 1, ""),
            ("\n\n[profiles", 3, ""),
        ] {
            let said = parse(text).unwrap_err();
            let place = format!("config.toml, line {line}: ");
            assert!(
                said.contains(&place) && said.contains(expected),
                "{text:?}: {said}"
            );
        }
        let not_text = Settings::parse(Path::new("x"), b"\n\xff\xfe")
            .map_err(said)
            .unwrap_err();
        assert_eq!(not_text, "x, line 2: this is not UTF-8");
    }

    #[test]
    fn the_file_is_where_users_look_for_it() {
        let with = |set: Option<&'static str>, home: Option<&str>| {
            let variable = |name| {
                set.filter(|_| name == "XDG_CONFIG_HOME")
                    .map(OsString::from)
            };
            path_in(variable, home.map(PathBuf::from))
        };
        if cfg!(unix) {
            let at = |path: &str| Some(PathBuf::from(path));
            assert_eq!(with(Some("/x"), Some("/h")), at("/x/groupcast/config.toml"));
            let usual = at("/h/.config/groupcast/config.toml");
            assert_eq!(with(None, Some("/h")), usual);
            assert_eq!(with(Some(""), Some("/h")), usual);
            assert_eq!(with(Some("x"), Some("/h")), usual);
            assert_eq!(with(None, None), None);
            assert_eq!(with(None, Some("")), None);
        }
    }
}
