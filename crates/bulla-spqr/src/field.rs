//! Arithmetic in GF(2^16) with the polynomial x^16 + x^12 + x^3 + x + 1.
//!
//! An element is a `u16`, bit i standing for x^i; adding and subtracting are both `^`. Everything computed here is
//! public (chunks travel in the clear), and yet nothing branches on it: masks are as fast.

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
pub(crate) const fn invert(a: u16) -> u16 {
    // The group has 2^16 - 1 elements, so a^(2^16 - 2) is the inverse.
    let mut inverse = 1;
    let mut power = a;
    let mut bit = 1;
    while bit < 16 {
        power = multiply(power, power);
        inverse = multiply(inverse, power);
        bit += 1;
    }
    inverse
}

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
