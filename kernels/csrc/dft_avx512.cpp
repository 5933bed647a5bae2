#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "dft_body.hpp"

namespace picocell {
const DftOps& dft_ops_avx512() { return avx512::dft_table; }
}  // namespace picocell
#endif
