/* SPDX-License-Identifier: MIT
 * export.h - linkage and visibility of the public functions. */
#ifndef DENSQ_EXPORT_H
#define DENSQ_EXPORT_H

#ifdef __cplusplus
#define DENSQ_BEGIN_DECLS extern "C" {
#define DENSQ_END_DECLS }
#else
#define DENSQ_BEGIN_DECLS
#define DENSQ_END_DECLS
#endif

#if defined(__GNUC__)
#define DENSQ_API __attribute__((visibility("default")))
#else
#define DENSQ_API
#endif

#endif /* DENSQ_EXPORT_H */
