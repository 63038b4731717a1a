// SPDX-License-Identifier: MIT
#include "mapped_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "tools/densq/errors.hpp"

namespace densq::tool {
namespace {

// A list, because a signal handler can walk it without a lock.
std::atomic<MappedFile *> newest_mapping = nullptr;

bool on_terminal = false;

// By write(2): nothing of stdio may be called in a signal handler.
void say(const char *text) {
    if (write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

void end_for_lost_page(int, siginfo_t *info, void *) {
    static std::atomic_flag said;
    while (said.test_and_set()) pause();  // another thread ends the program
    const char *name = MappedFile::name_at(info->si_addr);
    if (on_terminal) say("\r\x1b[K");  // over the progress bar
    say("densq: ");
    say(name ? name : "a file");
    say(": was cut while it was read, or its disk fails\n");
    _exit(1);
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path &path) : file(path) {
    if (file.bytes == 0) return;
    void *at = mmap(nullptr, file.bytes, PROT_READ, MAP_PRIVATE, file.descriptor, 0);
    if (at == MAP_FAILED)
        throw DataError(path.string() + ": cannot be mapped: " + std::strerror(errno));
    bytes = static_cast<const uint8_t *>(at);
    size = file.bytes;
    older = newest_mapping.load();
    newest_mapping = this;
}

MappedFile::~MappedFile() {
    if (size == 0) return;
    std::atomic<MappedFile *> *link = &newest_mapping;
    while (*link != this) link = &link->load()->older;
    link->store(older);
    munmap(const_cast<uint8_t *>(bytes), size);
}

const char *MappedFile::name_at(const void *address) {
    const auto *at = static_cast<const uint8_t *>(address);
    for (const MappedFile *mapped = newest_mapping; mapped; mapped = mapped->older)
        if (at >= mapped->bytes && at < mapped->bytes + mapped->size)
            return mapped->file.path.c_str();
    return nullptr;
}

void catch_lost_pages() {
    on_terminal = isatty(STDERR_FILENO);
    struct sigaction action = {};
    action.sa_sigaction = end_for_lost_page;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, nullptr);
}

}  // namespace densq::tool
