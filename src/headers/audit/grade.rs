//! `Grade`: the Observatory's letter grades.

use std::fmt;

/// A letter grade of Mozilla's HTTP Observatory. Better grades compare as greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Grade {
    /// Less than 25 points.
    F,
    /// At least 25 points.
    DMinus,
    /// At least 30 points.
    D,
    /// At least 40 points.
    DPlus,
    /// At least 45 points.
    CMinus,
    /// At least 50 points.
    C,
    /// At least 60 points.
    CPlus,
    /// At least 65 points.
    BMinus,
    /// At least 70 points.
    B,
    /// At least 80 points.
    BPlus,
    /// At least 85 points.
    AMinus,
    /// At least 90 points.
    A,
    /// At least 100 points.
    APlus,
}

impl Grade {
    /// Returns the grade for a score.
    pub(super) fn of(score: u16) -> Self {
        match score {
            0..25 => Self::F,
            25..30 => Self::DMinus,
            30..40 => Self::D,
            40..45 => Self::DPlus,
            45..50 => Self::CMinus,
            50..60 => Self::C,
            60..65 => Self::CPlus,
            65..70 => Self::BMinus,
            70..80 => Self::B,
            80..85 => Self::BPlus,
            85..90 => Self::AMinus,
            90..100 => Self::A,
            100.. => Self::APlus,
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::F => "F",
            Self::DMinus => "D-",
            Self::D => "D",
            Self::DPlus => "D+",
            Self::CMinus => "C-",
            Self::C => "C",
            Self::CPlus => "C+",
            Self::BMinus => "B-",
            Self::B => "B",
            Self::BPlus => "B+",
            Self::AMinus => "A-",
            Self::A => "A",
            Self::APlus => "A+",
        })
    }
}
