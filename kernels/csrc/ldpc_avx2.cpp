#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "ldpc_body.hpp"

namespace picocell {
const LdpcOps& ldpc_ops_avx2() { return avx2::ldpc_make_ops(); }
}  // namespace picocell
#endif
