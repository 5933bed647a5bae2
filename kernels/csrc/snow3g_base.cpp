// Table look-ups in sequence: no instruction set does better, so there is one compilation.
#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "snow3g_body.hpp"

namespace picocell {
void snow3g_apply(const uint8_t* key, const uint8_t* iv, const uint8_t* data, size_t n, uint8_t* out) {
    base::snow3g_apply(base::snow3g_load(key, iv), data, n, out);
}

void snow3g_f8(const uint8_t* key, uint32_t count, uint32_t bearer, uint32_t direction, const uint8_t* data,
               size_t n_bits, uint8_t* out) {
    base::snow3g_f8(key, count, bearer, direction, data, n_bits, out);
}

uint32_t snow3g_f9(const uint8_t* key, uint32_t count, uint32_t fresh, uint32_t direction, const uint8_t* data,
                   size_t n_bits) {
    return base::snow3g_f9(key, count, fresh, direction, data, n_bits);
}
}  // namespace picocell
