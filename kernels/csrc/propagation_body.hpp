// Body of the propagation kernel, compiled once per instruction set.
#include "propagation.hpp"

namespace picocell::PICOCELL_NS {

constexpr int lanes = noise_lanes;

inline uint32_t rotl(uint32_t x, int k) { return (x << k) | (x >> (32 - k)); }

// xoshiro128++ (Blackman, Vigna), one step of every lane.
inline void draw(NoiseState& g, uint32_t* out) {
    for (int i = 0; i < lanes; ++i) {
        const uint32_t a = g.s[0][i], b = g.s[1][i], c = g.s[2][i], d = g.s[3][i];
        out[i] = rotl(a + d, 7) + a;
        const uint32_t c1 = c ^ a, d1 = d ^ b;
        g.s[1][i] = b ^ c1;
        g.s[0][i] = a ^ d1;
        g.s[2][i] = c1 ^ (b << 9);
        g.s[3][i] = rotl(d1, 11);
    }
}

// ln(u) of u in (0, 1]: the exponent, and the series of artanh on the mantissa, 1e-7 of its value.
inline float log_of(float u) {
    uint32_t bits;
    std::memcpy(&bits, &u, 4);
    const int32_t shifted = static_cast<int32_t>(bits) - 0x3f3504f3;  // sqrt(1/2)
    const float e = static_cast<float>(shifted >> 23);
    const uint32_t mantissa = (static_cast<uint32_t>(shifted) & 0x007fffffu) + 0x3f3504f3u;
    float m;
    std::memcpy(&m, &mantissa, 4);  // sqrt(1/2) .. sqrt(2)
    const float z = (m - 1.0f) / (m + 1.0f), z2 = z * z;
    const float series = 2.0f + z2 * (0.66666666f + z2 * (0.4f + z2 * (0.2857143f + z2 * 0.2222222f)));
    return e * 0.69314718f + z * series;
}

// Box-Muller with the angle's quadrant taken from its upper bits.
inline void box_muller(const uint32_t* a, const uint32_t* b, float sigma, float* re, float* im) {
    for (int i = 0; i < lanes; ++i) {
        const float u = (static_cast<float>(a[i] >> 1) + 0.5f) * 4.656612873e-10f;  // (0, 1]
        const float r = sigma * std::sqrt(std::max(-2.0f * log_of(u), 0.0f));
        // the angle within an eighth of a turn either side of the quadrant's middle axis
        const float t = static_cast<float>(static_cast<int32_t>(b[i] << 2)) * 3.6572913e-10f;  // -pi/4 .. pi/4
        const float t2 = t * t;
        const float sine = t * (1.0f + t2 * (-0.16666667f + t2 * (8.3333310e-3f + t2 * -1.9840874e-4f)));
        const float cosine =
            1.0f + t2 * (-0.5f + t2 * (4.1666668e-2f + t2 * (-1.3888397e-3f + t2 * 2.4760495e-5f)));
        const uint32_t quadrant = b[i] >> 30;
        const float x = (quadrant & 1u) ? sine : cosine, y = (quadrant & 1u) ? cosine : sine;
        re[i] = r * ((quadrant & 2u) ? -x : x);
        im[i] = r * (((quadrant + 1u) & 2u) ? -y : y);
    }
}

void add_noise(NoiseState* state, float* samples, size_t n, float sigma) {
    NoiseState g = *state;
    alignas(64) uint32_t a[lanes], b[lanes];
    alignas(64) float re[lanes], im[lanes];
    for (size_t i = 0; i < n; i += lanes) {
        draw(g, a);
        draw(g, b);
        box_muller(a, b, sigma, re, im);
        float* at = samples + 2 * i;
        if (i + lanes <= n) {
            for (int k = 0; k < lanes; ++k) {
                at[2 * k] += re[k];
                at[2 * k + 1] += im[k];
            }
        } else {
            for (size_t k = 0; i + k < n; ++k) {
                at[2 * k] += re[k];
                at[2 * k + 1] += im[k];
            }
        }
    }
    *state = g;
}

}  // namespace picocell::PICOCELL_NS
