//! `Grade`: thirteen letters for a score.

use std::fmt;

/// A grade of the Observatory. A better one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Below 25 points.
    F,
    /// 25 points.
    DMinus,
    /// 30 points.
    D,
    /// 40 points.
    DPlus,
    /// 45 points.
    CMinus,
    /// 50 points.
    C,
    /// 60 points.
    CPlus,
    /// 65 points.
    BMinus,
    /// 70 points.
    B,
    /// 80 points.
    BPlus,
    /// 85 points.
    AMinus,
    /// 90 points.
    A,
    /// 100 points and more.
    APlus,
}

impl Grade {
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
