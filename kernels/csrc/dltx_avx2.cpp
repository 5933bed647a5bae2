#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "dltx_body.hpp"

namespace picocell {
const DltxOps& dltx_ops_avx2() { return avx2::dltx_table; }
}  // namespace picocell
#endif
