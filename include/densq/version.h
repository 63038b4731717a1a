/* SPDX-License-Identifier: MIT
 * version.h - the one place where the library's version stands. */
#ifndef DENSQ_VERSION_H
#define DENSQ_VERSION_H

#define DENSQ_VERSION_MAJOR 0
#define DENSQ_VERSION_MINOR 1
#define DENSQ_VERSION_PATCH 0

#endif /* DENSQ_VERSION_H */
