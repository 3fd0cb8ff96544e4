//! Arithmetic in GF(2^16) with the polynomial x^16 + x^12 + x^3 + x + 1.
//!
//! An element is a `u16`, bit i standing for x^i; adding and subtracting are both `^`. Everything computed
//! here is public (chunks travel in the clear), so tables may be looked into; where masks are as fast, there
//! are masks.

/// What x^16 is equal to.
const REDUCTION: u16 = 0x100B;

/// An element times x.
pub(crate) const fn double(a: u16) -> u16 {
    (a << 1) ^ (REDUCTION & 0u16.wrapping_sub(a >> 15))
}

/// The product of two elements.
pub(crate) const fn multiply(a: u16, b: u16) -> u16 {
    let mut product = 0;
    let mut bit = 16;
    while bit > 0 {
        bit -= 1;
        product = double(product) ^ (a & 0u16.wrapping_sub((b >> bit) & 1));
    }
    product
}

/// The inverse of an element; of zero, zero.
///
/// Raising to the power 256 is linear, and done twice it changes nothing: call that the conjugate. An
/// element's product with its conjugate, the norm, is its own conjugate and so one of the 256 elements of a
/// smaller field, whose inverses fit into a table. What it has too much is the conjugate.
pub(crate) const fn invert(a: u16) -> u16 {
    let conjugate = conjugate(a);
    multiply(conjugate, INVERSE_NORMS[slot(multiply(a, conjugate))])
}

/// The products of elements side by side, in registers as wide as there are.
#[inline]
pub(crate) fn multiply_each<const N: usize>(a: [u16; N], b: [u16; N]) -> [u16; N] {
    let mut products = [0; N];
    for bit in (0..16).rev() {
        for ((product, a), b) in products.iter_mut().zip(a).zip(b) {
            *product = double(*product) ^ (a & 0u16.wrapping_sub((b >> bit) & 1));
        }
    }
    products
}

/// The inverses of elements side by side; of zero, zero.
///
/// # Cost
///
/// Look-ups if all are below 1024, else two [`multiply_each`].
#[inline]
pub(crate) fn invert_each<const N: usize>(a: [u16; N]) -> [u16; N] {
    if a.iter().fold(0, |all, a| all | a) < 1024 {
        return a.map(|a| INVERSES[usize::from(a % 1024)]);
    }
    let mut conjugates = [0; N];
    for bit in 0..16 {
        for (sum, a) in conjugates.iter_mut().zip(a) {
            *sum ^= CONJUGATES[bit / 4][1 << (bit % 4)] & 0u16.wrapping_sub((a >> bit) & 1);
        }
    }
    let norms = multiply_each(a, conjugates);
    multiply_each(conjugates, norms.map(|norm| INVERSE_NORMS[slot(norm)]))
}

const fn conjugate(a: u16) -> u16 {
    let [low, high] = a.to_le_bytes();
    CONJUGATES[0][low as usize & 15]
        ^ CONJUGATES[1][low as usize >> 4]
        ^ CONJUGATES[2][high as usize & 15]
        ^ CONJUGATES[3][high as usize >> 4]
}

/// A number below 256 that no two norms share, found by trying.
const fn slot(norm: u16) -> usize {
    ((norm ^ (norm >> 5)) & 0xFF) as usize
}

const fn power(base: u16, exponent: u16) -> u16 {
    let mut power = 1;
    let mut bit = 16;
    while bit > 0 {
        bit -= 1;
        power = multiply(power, power);
        if (exponent >> bit) & 1 == 1 {
            power = multiply(power, base);
        }
    }
    power
}

/// The conjugates of all elements with three of four hexadecimal digits zero, by the fourth's place and
/// value.
static CONJUGATES: [[u16; 16]; 4] = {
    let mut conjugates = [[0; 16]; 4];
    let mut place = 0;
    while place < 4 {
        let mut digit = 0;
        while digit < 16 {
            conjugates[place][digit as usize] = power(digit << (4 * place), 256);
            digit += 1;
        }
        place += 1;
    }
    conjugates
};

/// The inverses of the norms, each at the norm's slot.
static INVERSE_NORMS: [u16; 256] = {
    // All elements but zero are powers of x + 1, so all norms but zero are powers of its norm.
    let generator = power(3, 257);
    let mut inverses = [0; 256];
    let mut exponent = 0;
    while exponent < 255 {
        inverses[slot(power(generator, exponent))] = power(generator, 255 - exponent);
        exponent += 1;
    }
    inverses
};

/// The inverses of the first elements.
static INVERSES: [u16; 1024] = {
    let mut inverses = [0; 1024];
    let mut a = 0;
    while a < 1024 {
        inverses[a as usize] = invert(a);
        a += 1;
    }
    inverses
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reduction_is_the_polynomials() {
        assert_eq!(double(0x8000), 0x100B);
        assert_eq!(multiply(0x8000, 2), 0x100B);
        assert_eq!(multiply(0x0100, 0x0100), 0x100B);
    }

    #[test]
    fn every_element_but_zero_times_its_inverse_is_one() {
        assert_eq!(invert(0), 0);
        for a in 1..=u16::MAX {
            assert_eq!(multiply(a, invert(a)), 1, "{a}");
        }
    }

    #[test]
    fn side_by_side_it_is_the_same_arithmetic() {
        for first in (0..=u16::MAX).step_by(8) {
            let a: [u16; 8] = std::array::from_fn(|lane| first + u16::try_from(lane).unwrap());
            assert_eq!(invert_each(a), a.map(invert), "{first}");
            let b = a.map(|a| a.wrapping_mul(0x6487));
            assert_eq!(
                multiply_each(a, b),
                std::array::from_fn(|lane| multiply(a[lane], b[lane])),
                "{first}"
            );
        }
        let astride = [1023, 1024, 0, 1, 0xFFFF, 1022, 1025, 2];
        assert_eq!(invert_each(astride), astride.map(invert));
    }

    #[test]
    fn multiplication_distributes_and_commutes() {
        let samples = [0, 1, 2, 3, 0x1234, 0x8000, 0xABCD, 0xFFFF];
        for a in samples {
            for b in samples {
                assert_eq!(multiply(a, b), multiply(b, a));
                for c in samples {
                    assert_eq!(multiply(a, b ^ c), multiply(a, b) ^ multiply(a, c));
                    assert_eq!(multiply(multiply(a, b), c), multiply(a, multiply(b, c)));
                }
            }
        }
    }
}
