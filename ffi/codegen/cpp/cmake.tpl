% local L = model.library
% local upper = L.name:upper()
# <%= L.name %> <%= L.version %> for C++20, made by `ferry gen`.
#
#	cmake -B build -D<%= upper %>_LIBRARY=/path/to/lib<%= L.name %>.so
#	cmake --build build && ctest --test-dir build
#	cmake --install build --prefix …
#
# The library has its shim inside, and is installed beside the header; where it
# is a part of the system already, say -D<%= upper %>_INSTALL_LIBRARY=OFF.
cmake_minimum_required(VERSION 3.16)
project(ferry_<%= L.name %> VERSION <%= version %> LANGUAGES CXX)
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

find_package(ferry REQUIRED)
set(<%= upper %>_LIBRARY "" CACHE FILEPATH
	"lib<%= L.name %>.so, with its shim inside")
option(<%= upper %>_INSTALL_LIBRARY "install it, too" ON)
if(NOT EXISTS "${<%= upper %>_LIBRARY}")
	message(FATAL_ERROR
		"-D<%= upper %>_LIBRARY=… says where lib<%= L.name %>.so is")
endif()
get_filename_component(library "${<%= upper %>_LIBRARY}" REALPATH)
get_filename_component(library_name "${<%= upper %>_LIBRARY}" NAME)

add_library(ferry_<%= L.name %> INTERFACE)
target_compile_features(ferry_<%= L.name %> INTERFACE cxx_std_20)
target_include_directories(ferry_<%= L.name %> INTERFACE
	"${CMAKE_CURRENT_SOURCE_DIR}/include")
target_link_libraries(ferry_<%= L.name %> INTERFACE "${library}" ferry::ferry)

include(CTest)
if(BUILD_TESTING)
	find_package(Threads REQUIRED)
	add_executable(smoke tests/smoke.cc)
	target_link_libraries(smoke PRIVATE
		ferry_<%= L.name %> Threads::Threads)
	add_test(NAME smoke COMMAND smoke)
endif()

# What find_package(ferry_<%= L.name %>) reads.
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ferry_<%= L.name %>")
if(<%= upper %>_INSTALL_LIBRARY)
	install(FILES "${library}" DESTINATION "${CMAKE_INSTALL_LIBDIR}"
		RENAME "${library_name}")
	set(installed_library
		"\${ferry_prefix}/${CMAKE_INSTALL_LIBDIR}/${library_name}")
else()
	set(installed_library "${library}")
endif()
configure_package_config_file(cmake/config.cmake.in
	"${CMAKE_CURRENT_BINARY_DIR}/ferry_<%= L.name %>-config.cmake"
	INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file(
	"${CMAKE_CURRENT_BINARY_DIR}/ferry_<%= L.name %>-config-version.cmake"
	COMPATIBILITY SameMajorVersion)
install(FILES
	"${CMAKE_CURRENT_BINARY_DIR}/ferry_<%= L.name %>-config.cmake"
	"${CMAKE_CURRENT_BINARY_DIR}/ferry_<%= L.name %>-config-version.cmake"
	DESTINATION "${package_dir}")
install(FILES include/<%= L.name %>.hpp
	DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
