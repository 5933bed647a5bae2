// What typed memoryviews of the Cython modules refuse, before Cython looks at it: memory that is not aligned for its
// type, and structures.
//
// NumPy exports arrays that are not aligned (np.frombuffer at an odd offset makes one) and Cython takes them, but the
// compiler may vectorise loops for aligned elements, and other processors fault. Cython's parser of formats follows a
// null pointer where a structure begins with the wanted type. Every memoryview of a module begins with
// PyObject_GetBuffer, so the checks stand there, once, in place of some at each argument: a .pyx with memoryviews
// includes this file.
#pragma once
#include <Python.h>

#include <cstdint>

namespace picocell {

inline int get_buffer(PyObject* object, Py_buffer* view, int flags) {
    if (PyObject_GetBuffer(object, view, flags)) return -1;
    const char* format = view->format ? view->format : "B";
    const char first = *format;
    const bool order = first == '@' || first == '=' || first == '<' || first == '>' || first == '!' || first == '^';
    const char kind = format[order];
    auto alignment = static_cast<uintptr_t>(view->itemsize & -view->itemsize);
    if (kind == 'Z') alignment /= 2;  // a complex number is two numbers
    const char* wrong = nullptr;
    if (kind == 'T') {
        wrong = "an array of structures is not allowed";
    } else if (view->len && alignment && reinterpret_cast<uintptr_t>(view->buf) % alignment) {
        wrong = "an array is not aligned for its type: pass a copy of it";
    }
    if (!wrong) return 0;
    PyBuffer_Release(view);
    PyErr_SetString(PyExc_ValueError, wrong);
    return -1;
}

}  // namespace picocell

#define PyObject_GetBuffer picocell::get_buffer
