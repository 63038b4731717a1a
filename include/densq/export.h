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

/* The functions of an archive are linked into the program, plug-in or library that uses them, and
 * are not exported again by it: two plug-ins of one process may have archives of two versions.  So
 * they are hidden where the archives are made, whatever the options of those who use them. */
#if defined(__GNUC__) && defined(DENSQ_BUILDING_ARCHIVE)
#define DENSQ_API __attribute__((visibility("hidden")))
#elif defined(__GNUC__)
#define DENSQ_API __attribute__((visibility("default")))
#else
#define DENSQ_API
#endif

#endif /* DENSQ_EXPORT_H */
