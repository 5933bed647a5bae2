// Table lookup gains nothing from wider instruction sets: one object serves them all.
#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "crc.hpp"
#include "crc_body.hpp"

namespace picocell {

uint32_t crc_of_bytes(int kind, const uint8_t* data, size_t n) { return base::crc_bytes(kind, data, n); }

uint32_t crc_of_bits(int kind, const uint8_t* bits, size_t n) { return base::crc_bits(kind, bits, n); }

}  // namespace picocell
