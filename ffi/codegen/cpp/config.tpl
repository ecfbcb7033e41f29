% local L = model.library
% local target = "ferry::" .. L.name
# find_package(ferry_<%= L.name %>) gives the target <%= target %>: the header, the
# library with its shim, and libferry.
@PACKAGE_INIT@
set(ferry_prefix "${PACKAGE_PREFIX_DIR}")
include(CMakeFindDependencyMacro)
find_dependency(ferry)

if(NOT TARGET <%= target %>)
	add_library(<%= target %> INTERFACE IMPORTED)
	set_target_properties(<%= target %> PROPERTIES
		INTERFACE_COMPILE_FEATURES cxx_std_20
		INTERFACE_INCLUDE_DIRECTORIES
		"${ferry_prefix}/@CMAKE_INSTALL_INCLUDEDIR@"
		INTERFACE_LINK_LIBRARIES "@installed_library@;ferry::ferry")
endif()
unset(ferry_prefix)
