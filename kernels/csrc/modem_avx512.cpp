#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "modem_body.hpp"

namespace picocell {
const ModemOps& modem_ops_avx512() { return avx512::modem_table; }
}  // namespace picocell
#endif
