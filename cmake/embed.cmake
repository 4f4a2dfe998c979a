# tulle_embed(SYMBOL FILE): makes the bytes of FILE, zero-terminated, available as `extern const char SYMBOL[];`.
function(tulle_embed symbol file)
  get_filename_component(path ${file} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
__asm__(".section .rodata\n"
        ".global @symbol@\n"
        "@symbol@:\n"
        ".incbin \"@path@\"\n"
        ".byte 0\n"
        ".section .text\n");
]])
  set_source_files_properties(${source} TARGET_DIRECTORY tulle_core PROPERTIES OBJECT_DEPENDS ${path})
  target_sources(tulle_core PRIVATE ${source})
endfunction()
