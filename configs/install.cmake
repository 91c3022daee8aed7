# What `cmake --install` puts where; debian/*.install tells which package gets what.
include(GNUInstallDirs)
set(BUSBAR_UNITS lib/systemd/system CACHE PATH "where units go; absolute, or below the prefix")
set(BUSBAR_RULES lib/udev/rules.d CACHE PATH "where udev rules go; absolute, or below the prefix")
set(BUSBAR_SETTINGS ${CMAKE_INSTALL_FULL_SYSCONFDIR}/busbar CACHE PATH "where settings of the host go")

# A board's part: all that BUSBAR_BOARD builds.
install(TARGETS busbar-node busbar-wire RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES configs/systemd/busbar-node@.service DESTINATION ${BUSBAR_UNITS})
install(FILES configs/systemd/busbar-node.sysusers DESTINATION lib/sysusers.d RENAME busbar-node.conf)
install(FILES configs/systemd/busbar-node.tmpfiles DESTINATION lib/tmpfiles.d RENAME busbar-node.conf)
if(BUSBAR_BOARD)
    if(SCDOC)
        install(FILES ${CMAKE_BINARY_DIR}/man/busbar-node.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
        install(FILES ${CMAKE_BINARY_DIR}/man/busbar-wire.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    endif()
    return()
endif()

foreach(program busbar busbar-uart-agent busbar-verify-receipt listener-agent federation-agent mqtt-agent
        historian-agent modbus-agent)
    if(TARGET ${program})
        install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
endforeach()
install(PROGRAMS agents/image/busbar-image DESTINATION ${CMAKE_INSTALL_BINDIR})
foreach(daemon busbard busbar-ledgerd busbar-agentd busbar-webd)
    if(TARGET ${daemon})
        install(TARGETS ${daemon} RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
    endif()
endforeach()

# libbusbar: the client's objects as one, in which only the names of include/busbar are global.
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/libbusbar.a
    COMMAND ${CMAKE_COMMAND} -E rm -f libbusbar.a
    COMMAND ${CMAKE_LINKER} -r -o busbar.o --whole-archive $<TARGET_FILE:bus_client>
    COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol "bb_*" busbar.o
    COMMAND ${CMAKE_AR} rcD libbusbar.a busbar.o
    DEPENDS bus_client VERBATIM)
add_custom_target(libbusbar ALL DEPENDS ${CMAKE_BINARY_DIR}/libbusbar.a)
configure_file(${CMAKE_SOURCE_DIR}/configs/busbar.pc.in ${CMAKE_BINARY_DIR}/busbar.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/libbusbar.a DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_BINARY_DIR}/busbar.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY include/busbar DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES agents/example/example.c DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libbusbar-dev/examples)

# The completion asks the program itself, so that it has to run where it is built.
if(NOT CMAKE_CROSSCOMPILING)
    foreach(shell bash zsh fish)
        add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/completion.${shell}
            COMMAND ${CMAKE_COMMAND} -E env BUSBAR_ETC=/nonexistent HOME=/nonexistent
                $<TARGET_FILE:busbar> completion ${shell} > ${CMAKE_BINARY_DIR}/completion.${shell}
            DEPENDS busbar)
        list(APPEND completions ${CMAKE_BINARY_DIR}/completion.${shell})
    endforeach()
    add_custom_target(completion ALL DEPENDS ${completions})
    install(FILES ${CMAKE_BINARY_DIR}/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME busbar)
    install(FILES ${CMAKE_BINARY_DIR}/completion.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions RENAME _busbar)
    install(FILES ${CMAKE_BINARY_DIR}/completion.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d RENAME busbar.fish)
endif()

# The manual, when scdoc made it.
if(SCDOC)
    file(GLOB pages ${CMAKE_SOURCE_DIR}/docs/man/*.scd)
    foreach(page ${pages})
        get_filename_component(name ${page} NAME)
        string(REGEX REPLACE "\\.scd$" "" name ${name})
        string(REGEX REPLACE ".*\\." "" section ${name})
        install(FILES ${CMAKE_BINARY_DIR}/man/${name} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
    endforeach()
endif()

file(GLOB units ${CMAKE_SOURCE_DIR}/configs/systemd/*.service ${CMAKE_SOURCE_DIR}/configs/systemd/*.target)
install(FILES ${units} DESTINATION ${BUSBAR_UNITS})
foreach(owner busbard busbar-ledgerd)
    install(FILES configs/systemd/${owner}.sysusers DESTINATION lib/sysusers.d RENAME ${owner}.conf)
    install(FILES configs/systemd/${owner}.tmpfiles DESTINATION lib/tmpfiles.d RENAME ${owner}.conf)
endforeach()
install(FILES configs/udev/60-busbar.rules DESTINATION ${BUSBAR_RULES})
install(FILES configs/consumer-agent.json configs/dg-agent.json configs/webd.json DESTINATION ${BUSBAR_SETTINGS})
install(DIRECTORY agents/examples/python agents/examples/shell configs/modbus DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/busbar-agents/examples
    USE_SOURCE_PERMISSIONS PATTERN CMakeLists.txt EXCLUDE)
install(FILES configs/table1.json DESTINATION ${CMAKE_INSTALL_DATADIR}/busbar)
