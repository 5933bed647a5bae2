#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "ldpc_body.hpp"

namespace picocell {
const LdpcOps& ldpc_ops_avx512() { return avx512::ldpc_make_ops(); }
}  // namespace picocell
#endif
