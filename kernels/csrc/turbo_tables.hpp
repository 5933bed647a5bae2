// Index tables of the turbo code: QPP over windows, sub-block interleaver and circular buffer.
//
// No standard container is used here: its templates would be compiled for the instruction set of this file and
// could then be linked into code for lesser machines.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int turbo_max_k = 6144;
constexpr int turbo_sizes = 188;
constexpr int turbo_columns = 32;

// An array on the heap, aligned for vectors, that starts as zeros.
template <class T>
struct Array {
    T* data = nullptr;
    Array() = default;
    explicit Array(size_t n) {
        const size_t bytes = (n * sizeof(T) + 127) / 64 * 64;
        data = static_cast<T*>(std::aligned_alloc(64, bytes));
        if (!data) std::abort();
        std::memset(static_cast<void*>(data), 0, bytes);
    }
    Array(Array&& other) noexcept : data(other.data) { other.data = nullptr; }
    Array& operator=(Array&& other) noexcept {
        std::swap(data, other.data);
        return *this;
    }
    ~Array() { std::free(data); }
    T& operator[](size_t i) { return data[i]; }
    const T& operator[](size_t i) const { return data[i]; }
};

struct Interleaver {
    int k;
    Array<uint16_t> order;  // pi(i)
};

// Where each coded bit stands in the circular buffer without its NULLs.
struct Circular {
    int k, n_filler;
    int length;               // coded bits that are not NULL
    int rows;                 // R of the sub-block interleaver
    Array<uint16_t> before;   // [K_w + 1]: bits that are not NULL before each place of w
    Array<uint16_t> source;   // [length]: stream * (K + 4) + index
    Array<uint16_t> gather;   // [3 * K]: bit of the three streams -> place in the buffer, `length` for filler
    uint16_t tail[12];        // stream * 4 + j -> place of bit K + j
};

// Windows of the decoder: lane b W + w of row r is bit w L + r of block b, L = K / W. QPP maps a row to a row and
// permutes its lanes, because pi(x + L) = pi(x) modulo L. The lane tables hold 16 entries a row where W is at most
// 16 (a block does not leave 16 lanes), else one for each lane.
struct Windows {
    int k, windows, rows, wide;
    Array<uint16_t> row_out, row_back;  // natural row -> interleaved row, and back
    Array<int8_t> lane_out, lane_back;  // lane that each lane takes, per row of departure
    Array<int8_t> mask;                 // [windows][lanes]: -1 in the lanes of that window
};

constexpr int window_kinds = 7;  // W = 1, 2, ..., 64

struct TurboStatic {
    Windows* windows[turbo_sizes][window_kinds];
    int32_t qpp[turbo_sizes][3];
    int32_t columns[turbo_columns];
    int16_t index[turbo_max_k / 8 + 1];
    Interleaver* interleaver[turbo_sizes];
    Circular* circular[turbo_sizes];
};

static TurboStatic turbo_static;

inline void turbo_set_tables(const int32_t* qpp, const int32_t* columns) {
    std::memcpy(turbo_static.qpp, qpp, sizeof turbo_static.qpp);
    std::memcpy(turbo_static.columns, columns, sizeof turbo_static.columns);
    for (int i = 0; i < turbo_sizes; ++i) turbo_static.index[qpp[3 * i] / 8] = static_cast<int16_t>(i);
}

inline Interleaver* make_interleaver(int index) {
    const int k = turbo_static.qpp[index][0];
    const int64_t f1 = turbo_static.qpp[index][1], f2 = turbo_static.qpp[index][2];
    auto* t = static_cast<Interleaver*>(std::calloc(1, sizeof(Interleaver)));
    if (!t) std::abort();
    t->k = k;
    t->order = Array<uint16_t>(k);
    for (int64_t i = 0; i < k; ++i) t->order[i] = static_cast<uint16_t>((f1 * i + f2 * i % k * i) % k);
    return t;
}

inline Windows* make_windows(const Interleaver& q, int windows) {
    auto* t = static_cast<Windows*>(std::calloc(1, sizeof(Windows)));
    if (!t) std::abort();
    const int rows = q.k / windows, wide = std::max(windows > 16 ? turbo_width : 16, windows);
    t->k = q.k;
    t->windows = windows;
    t->rows = rows;
    t->wide = wide;
    t->row_out = Array<uint16_t>(rows);
    t->row_back = Array<uint16_t>(rows);
    t->lane_out = Array<int8_t>(rows * wide);
    t->lane_back = Array<int8_t>(rows * wide);
    t->mask = Array<int8_t>(windows * turbo_width);
    for (int j = 0; j < rows; ++j) {
        const int r = q.order[j] % rows;
        t->row_back[j] = static_cast<uint16_t>(r);
        t->row_out[r] = static_cast<uint16_t>(j);
        for (int i = 0; i < wide; ++i) {
            const int v = i % windows, first = i - v, w = q.order[v * rows + j] / rows;
            t->lane_out[r * wide + i] = static_cast<int8_t>(first + w);
            t->lane_back[j * wide + first + w] = static_cast<int8_t>(i);
        }
    }
    for (int lane = 0; lane < turbo_width; ++lane) t->mask[lane % windows * turbo_width + lane] = -1;
    return t;
}

// y -> v of TS 36.212 5.1.4.1.1: place k of v(0), v(1) (shift 0) or v(2) (shift 1) reads this place of the matrix.
inline int sub_block_source(int place, int rows, int shift) {
    return (turbo_static.columns[place / rows] + turbo_columns * (place % rows) + shift) % (turbo_columns * rows);
}

inline Circular* make_circular(int index, int n_filler) {
    const int k = turbo_static.qpp[index][0], d = k + 4;
    const int rows = (d + turbo_columns - 1) / turbo_columns, k_pi = rows * turbo_columns, dummies = k_pi - d;
    auto* t = static_cast<Circular*>(std::calloc(1, sizeof(Circular)));
    if (!t) std::abort();
    t->k = k;
    t->n_filler = n_filler;
    t->rows = rows;
    t->before = Array<uint16_t>(3 * k_pi + 1);
    t->source = Array<uint16_t>(3 * d);
    t->gather = Array<uint16_t>(3 * k);
    int n = 0;
    for (int place = 0; place < 3 * k_pi; ++place) {
        const int pair = place - k_pi;
        const int stream = place < k_pi ? 0 : 1 + pair % 2;
        const int i = sub_block_source(place < k_pi ? place : pair / 2, rows, stream == 2) - dummies;
        t->before[place] = static_cast<uint16_t>(n);
        if (i < 0 || (stream < 2 && i < n_filler)) continue;
        if (i < k)
            t->gather[stream * k + i] = static_cast<uint16_t>(n);
        else
            t->tail[4 * stream + i - k] = static_cast<uint16_t>(n);
        t->source[n++] = static_cast<uint16_t>(stream * d + i);
    }
    t->before[3 * k_pi] = static_cast<uint16_t>(n);
    t->length = n;
    for (int stream = 0; stream < 2; ++stream)
        for (int i = 0; i < n_filler; ++i)
            t->gather[stream * k + i] = static_cast<uint16_t>(n);
    return t;
}

template <class T>
void destroy(T* t) {
    t->~T();
    std::free(t);
}

// Built at first use; two threads may both build, one of them then throws its work away.
template <class T, class Make>
const T* once(T*& slot, Make make) {
    T* have = __atomic_load_n(&slot, __ATOMIC_ACQUIRE);
    if (have) return have;
    T* fresh = make();
    if (__atomic_compare_exchange_n(&slot, &have, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return fresh;
    destroy(fresh);
    return have;
}

inline int turbo_index(int k) { return turbo_static.index[k / 8]; }

inline const Interleaver* interleaver(int k) {
    const int index = turbo_index(k);
    return once(turbo_static.interleaver[index], [index] { return make_interleaver(index); });
}

inline const Windows* windows_of(int k, int windows) {
    Windows*& slot = turbo_static.windows[turbo_index(k)][__builtin_ctz(windows)];
    return once(slot, [=] { return make_windows(*interleaver(k), windows); });
}

// The table of a block without filler bits is shared; one with filler bits (rare) is built anew and owned here.
struct CircularFor {
    const Circular* table;
    Circular* own = nullptr;
    CircularFor(int k, int n_filler) {
        const int index = turbo_index(k);
        if (n_filler)
            table = own = make_circular(index, n_filler);
        else
            table = once(turbo_static.circular[index], [index] { return make_circular(index, 0); });
    }
    CircularFor(const CircularFor&) = delete;
    CircularFor& operator=(const CircularFor&) = delete;
    ~CircularFor() {
        if (own) destroy(own);
    }
};

// The part of the circular buffer that N_cb leaves, and where redundancy version rv begins (5.1.4.1.2).
struct Ring {
    int length;  // usable coded bits
    int start;   // the first one sent
};

inline Ring ring(const Circular& t, int n_cb, int rv) {
    const int k_w = 3 * turbo_columns * t.rows;
    if (n_cb <= 0 || n_cb > k_w) n_cb = k_w;
    const int blocks = (n_cb + 8 * t.rows - 1) / (8 * t.rows);
    const int k_0 = t.rows * (2 * blocks * rv + 2) % n_cb;
    const int length = t.before[n_cb];
    return {length, length ? t.before[k_0] % length : 0};
}

}  // namespace picocell::PICOCELL_NS
