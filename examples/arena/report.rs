//! How a game ended, as one player knows it.

use serde::Serialize;

use crate::field::UNITS;
use crate::game::Game;
use crate::text::plain;

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Report {
    player: String,
    /// Everybody who was there to the end has everybody's final points.
    pub(crate) settled: bool,
    /// The winner first.
    pub(crate) scores: Vec<Line>,
    /// Events that are missing for ever.
    pub(crate) gaps: u32,
    /// How many positions of others were heard.
    pub(crate) positions: u32,
    /// How far others jumped on the screen, in cells: 95 in 100 times less than this.
    pub(crate) jump: f32,
}

/// A player's points: what it published, and what was counted from the events.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) points: u32,
    pub(crate) counted: u32,
}

impl Report {
    pub(crate) fn new(game: &Game, name: &str) -> Self {
        let others = game.players();
        let mut scores: Vec<_> = others
            .iter()
            .map(|(id, other)| Line {
                name: other.name.clone(),
                id: id.to_string(),
                points: other.points(),
                counted: game.counted(*id),
            })
            .collect();
        let own = game.counted(game.id());
        scores.push(Line {
            name: name.to_owned(),
            id: game.id().to_string(),
            points: own,
            counted: own,
        });
        scores.sort_by(|a, b| (b.points, &a.name, &a.id).cmp(&(a.points, &b.name, &b.id)));
        let mut jumps: Vec<_> = others.values().flat_map(|o| &o.jumps).copied().collect();
        jumps.sort_unstable();
        let jump = jumps.get(jumps.len() * 95 / 100).copied();
        Self {
            player: name.to_owned(),
            settled: game.is_settled(),
            scores,
            gaps: game.gaps(),
            positions: others.values().map(|other| other.positions).sum(),
            jump: jump.map_or(0.0, f32::from) / f32::from(UNITS),
        }
    }
    /// The scores for people. Equal points have one place.
    pub(crate) fn table(&self) -> Vec<String> {
        let row = |line: &Line| {
            let better = self
                .scores
                .iter()
                .filter(|other| other.points > line.points);
            let place = better.count() + 1;
            format!("{place:5}  {:6}  {}", line.points, plain(&line.name))
        };
        let heading = "PLACE  POINTS  PLAYER".to_owned();
        core::iter::once(heading)
            .chain(self.scores.iter().map(row))
            .collect()
    }
}
