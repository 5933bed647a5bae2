#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "modem_body.hpp"

namespace picocell {
const ModemOps& modem_ops_avx2() { return avx2::modem_table; }
}  // namespace picocell
#endif
