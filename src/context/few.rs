//! `Few`: a short list, of which the usual ones lie where it does.

use std::fmt;

/// A list without memory of its own as long as it has two items at most: most layers have one limit, or two.
#[derive(Clone)]
pub(crate) enum Few<T> {
    Here { items: [T; HERE], len: u8 },
    Beyond(Vec<T>),
}

const HERE: usize = 2;

impl<T: Copy + Default> Few<T> {
    #[inline]
    pub(crate) fn none() -> Self {
        Self::Here { items: [T::default(); HERE], len: 0 }
    }

    #[inline]
    pub(crate) fn one(item: T) -> Self {
        Self::Here { items: [item; HERE], len: 1 }
    }

    /// So many times the same.
    #[inline]
    pub(crate) fn same(item: T, len: usize) -> Self {
        if len <= HERE { Self::Here { items: [item; HERE], len: len as u8 } } else { Self::Beyond(vec![item; len]) }
    }

    #[inline]
    pub(crate) fn push(&mut self, item: T) {
        match self {
            Self::Here { items, len } => match items.get_mut(usize::from(*len)) {
                Some(place) => {
                    *place = item;
                    *len += 1;
                }
                None => *self = Self::Beyond(items.iter().copied().chain([item]).collect()),
            },
            Self::Beyond(items) => items.push(item),
        }
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Self::Here { items, len } => items.get(..usize::from(*len)).unwrap_or_default(),
            Self::Beyond(items) => items,
        }
    }

    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        match self {
            Self::Here { items, len } => items.get_mut(..usize::from(*len)).unwrap_or_default(),
            Self::Beyond(items) => items,
        }
    }
}

impl<T: Copy + Default> FromIterator<T> for Few<T> {
    #[inline]
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        items.into_iter().fold(Self::none(), |mut few, item| {
            few.push(item);
            few
        })
    }
}

impl<T: Copy + Default + fmt::Debug> fmt::Debug for Few<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_what_was_pushed_in_its_order_however_long_it_is() {
        let all: Vec<u32> = (1..=9).collect();
        for len in 0..=9 {
            let mut few: Few<u32> = all.iter().copied().take(len).collect();
            assert_eq!(few.as_slice(), &all[..len]);
            assert_eq!(few.clone().as_mut_slice(), &all[..len]);
            few.as_mut_slice().iter_mut().for_each(|item| *item += 1);
            assert!(few.as_slice().iter().zip(&all).all(|(changed, item)| *changed == item + 1), "of {len}");
            assert_eq!(Few::same(7, len).as_slice(), vec![7; len]);
            assert_eq!(Few::one(7).as_slice(), [7]);
            assert_eq!(format!("{:?}", Few::same(7, len)), format!("{:?}", vec![7; len]));
        }
    }

    #[test]
    fn only_a_list_of_three_or_more_lies_elsewhere() {
        for len in 0..=9 {
            assert_eq!(matches!(Few::same(7, len), Few::Beyond(_)), len > 2);
            assert_eq!(matches!((0..len).collect::<Few<usize>>(), Few::Beyond(_)), len > 2);
        }
    }
}
