import { ffmpeg5 } from "./ffmpeg-5.js"
import { type OptionTable, parseTable } from "./option-table.js"

/** How ffmpeg 7.1 reads its command line, where it differs from 5.1: made by `npm run option-table`, not by hand. */
export const ffmpeg71 = parseTable(
  `ffmpeg 7.1 libavutil 59.39 build 4547fdef74c94fa2
avoption codec private decode encode: skip_frame
avoption format decode: chapter_end chapter_start duration_probesize hca_highkey hca_lowkey hca_subkey interleaved_read menu
  menu_lu menu_vts merge_alpha pg pgc preindex reconnect_delay_total_max reconnect_max_retries region respect_retry_after
  seg_max_retry title trim
avoption format decode encode text: local_addr local_port
avoption format encode: fd list_dither min_seg_duration reverb write_crc
avoption format encode text: rtmp_enhanced_codecs
avoption private decode: cc_format max_frame_delay noref_gray skip_gray
avoption private encode: blbrc codebook_search content dolbyvision highbitdepth max_interval min-gf-interval prediction_order
  rematrix_precision rgb_mode scenario screen-content-mode split_encode_mode tile_groups timing-info units xyb
avoption private encode text: qsv_params
avoption scaler: async uchl used_chlayout
option flag global: qphist
option flag negatable input: autorotate display_hflip display_vflip
option flag negatable output: autoscale fix_sub_duration_heartbeat
option value global: bsfs buildconf codecs colors dispositions formats help hwaccels protocols sinks sources
option value input: apply_cropping display_rotation readrate_initial_burst
option value input output: bsf thread_queue_size
option value output: ? shortest_buf_duration stats_enc_post stats_enc_post_fmt stats_enc_pre stats_enc_pre_fmt stats_mux_pre
  stats_mux_pre_fmt stream_group
without avoption: ac channel_layout hielevel hls_ts_options ich icl in_channel_count in_channel_layout la_depth lowqual mfmode och
  ocl omx_libname omx_libprefix out_channel_count out_channel_layout print_deinit_summary request_channel_layout sc_detection
  sub_text_format tile_columns ts_packetsize uch used_channel_count write_header_ret write_trailer_ret zerocopy
without option: absf async map_channel psnr vbsf vol
without unread: async
end 1389
`,
  { base: ffmpeg5 }
) as OptionTable
