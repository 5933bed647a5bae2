// Body of the gather kernel, compiled once per instruction set.
#include "ulsch.hpp"

namespace picocell::PICOCELL_NS {

inline bool ulsch_below(const int32_t* index, size_t m, size_t n) {
    int32_t largest = -1;
    for (size_t i = 0; i < m; ++i) largest = index[i] > largest ? index[i] : largest;
    return largest < 0 || size_t(largest) < n;
}

// Groups of a fixed number of bytes. Of six and twelve bytes each is moved as eight or sixteen where there is room behind
// it, and the next one puts right what that spoils.
template <int Bytes>
void ulsch_copy(const char* source, size_t n, const int32_t* index, size_t m, char* out) {
    constexpr int wide = Bytes == 6 ? 8 : Bytes == 12 ? 16 : Bytes;
    static constexpr char zeros[wide] = {};
    const size_t margin = wide > Bytes ? 1 : 0, free = m - std::min(m, margin);
    const auto last = static_cast<int32_t>(n - std::min(n, margin));  // groups from here on have no room behind them
    for (size_t i = 0; i < free; ++i) {
        if (index[i] < last) {
            std::memcpy(out + i * Bytes, index[i] < 0 ? zeros : source + size_t(index[i]) * Bytes, wide);
        } else {
            std::memcpy(out + i * Bytes, source + size_t(index[i]) * Bytes, Bytes);
        }
    }
    for (size_t i = free; i < m; ++i)
        std::memcpy(out + i * Bytes, index[i] < 0 ? zeros : source + size_t(index[i]) * Bytes, Bytes);
}

template <class T>
bool ulsch_gather(const T* source, size_t n, const int32_t* index, size_t m, int q_m, T* out) {
    if (!ulsch_below(index, m, n)) return false;
    const char* from = reinterpret_cast<const char*>(source);
    char* to = reinterpret_cast<char*>(out);
    switch (q_m) {
        case 2: ulsch_copy<2 * sizeof(T)>(from, n, index, m, to); break;
        case 4: ulsch_copy<4 * sizeof(T)>(from, n, index, m, to); break;
        default: ulsch_copy<6 * sizeof(T)>(from, n, index, m, to);
    }
    return true;
}

}  // namespace picocell::PICOCELL_NS

#include "ulsch_send.hpp"

namespace picocell::PICOCELL_NS {

const UlschOps ulsch_table{ulsch_send, ulsch_gather<uint8_t>, ulsch_gather<int16_t>};

}  // namespace picocell::PICOCELL_NS
