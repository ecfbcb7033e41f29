/*
 * Ferry for C++20: what the packages of all libraries share. What is generated
 * for a library includes it.
 */
#ifndef FERRY_FERRY_HPP
#define FERRY_FERRY_HPP

#include <ferry/async.hpp>
#include <ferry/call.hpp>
#include <ferry/codec.hpp>
#include <ferry/context.hpp>
#include <ferry/event.hpp>
#include <ferry/loop.hpp>
#include <ferry/package.hpp>
#include <ferry/result.hpp>
#include <ferry/task.hpp>
#include <ferry/types.hpp>

#endif
