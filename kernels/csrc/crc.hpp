// Cyclic redundancy checks, TS 36.212 5.1.1.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

// kind: 0 CRC24A, 1 CRC24B, 2 CRC16, 3 CRC8.
uint32_t crc_of_bytes(int kind, const uint8_t* data, size_t n);
// The same over n bits, one a byte.
uint32_t crc_of_bits(int kind, const uint8_t* bits, size_t n);

}  // namespace picocell
