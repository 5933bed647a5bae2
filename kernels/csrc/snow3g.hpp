// SNOW 3G (TS 35.216) and the algorithms built on it: f8 = UEA2 = 128-EEA1, f9 = UIA2 = 128-EIA1 (TS 35.215).
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

// out = data XOR keystream over n bytes. Key and IV are 16 bytes, the words K3 (IV3) to K0 (IV0) in this order.
void snow3g_apply(const uint8_t* key, const uint8_t* iv, const uint8_t* data, size_t n, uint8_t* out);

// Ciphers n_bits bits; the spare bits of the last of the ceil(n_bits / 8) bytes become zero.
void snow3g_f8(const uint8_t* key, uint32_t count, uint32_t bearer, uint32_t direction, const uint8_t* data,
               size_t n_bits, uint8_t* out);

// MAC of n_bits bits; the spare bits of the last byte do not count.
uint32_t snow3g_f9(const uint8_t* key, uint32_t count, uint32_t fresh, uint32_t direction, const uint8_t* data,
                   size_t n_bits);

}  // namespace picocell
