/* SPDX-License-Identifier: MIT
 * other_version.h - in place of densq/version.h. */
#ifndef DENSQ_VERSION_H
#define DENSQ_VERSION_H

#define DENSQ_VERSION_MAJOR 0
#define DENSQ_VERSION_MINOR 77
#define DENSQ_VERSION_PATCH 7

#endif /* DENSQ_VERSION_H */
