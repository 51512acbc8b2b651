import { ffmpeg5 } from "./ffmpeg-5.js"
import { type OptionTable, parseTable } from "./option-table.js"

/** How ffmpeg 9.0 reads its command line, where it differs from 5.1: made by `npm run option-table`, not by hand. */
export const ffmpeg90 = parseTable(
  `ffmpeg 9.0 libavutil 61.1 build 7295337fb5151e77
avoption codec decode encode: alpha_mode
avoption codec private decode encode: skip_frame
avoption codec private encode: qmax qmin
avoption format decode: block_shift cache_timeout cache_verify chapter_end chapter_start duration_probesize hca_highkey hca_lowkey
  hca_subkey initial_request_size interleaved_read max_webp_delay menu menu_lu menu_vts merge_alpha pg pgc preindex read_only
  reconnect_delay_total_max reconnect_max_retries recursion_depth region request_size respect_retry_after retry_errors seg_max_retry
  title trim usebgcolor
avoption format decode encode: external_sock ipv6only localrtcpport localrtpport mtu rtcpport tcp_keepalive use_srtp verify
avoption format decode encode text: cert cert_pem key key_pem local_addr local_port
avoption format decode text: cache_dir cenc_decryption_keys decryption_keys
avoption format encode: algorithm availability_start_time_ms fd handshake_timeout max_frames mcc_version min_seg_duration reverb
  rtp_history suggested_presentation_delay ts_buffer_size use_u_alias whip_flags write_crc
avoption format encode text: authorization creation_program creation_time override_time_code_rate rtmp_enhanced_codecs
avoption format scaler encode: precision
avoption private decode: cc_format max_frame_delay max_order noref_gray skip_gray top
avoption private encode: blbrc cbr_padding codebook_search content dolbyvision force_pcm highbitdepth intra_dc_precision
  max_interval min-gf-interval min_bpp prediction_order qtable rct_search remap_mode remap_optimizer rematrix_precision rgb_mode
  scenario screen-content-mode slices_h slices_v speed_level split_encode_mode tile_groups timing-info units xyb
avoption private encode text: qsv_params x265-stats
avoption private scaler encode: gamma
avoption scaler: async uchl used_chlayout
avoption scaler encode: intent scaler scaler_sub sws_backends
option flag negatable global: print_graphs
option flag negatable input: autorotate display_hflip display_vflip
option flag negatable output: autoscale fix_sub_duration_heartbeat
option value: license
option value global: bsfs buildconf codecs colors dispositions filter_buffered_frames formats help hwaccels print_graphs_file
  print_graphs_format protocols sinks sources
option value input: apply_cropping content_light display_rotation drop_changed mastering_display readrate_catchup
  readrate_initial_burst
option value input output: bsf thread_queue_size
option value output: ? shortest_buf_duration stats_enc_post stats_enc_post_fmt stats_enc_pre stats_enc_pre_fmt stats_mux_pre
  stats_mux_pre_fmt stream_group
without avoption: 2pass aac_ltp aac_pred ac antialias apply_trc background cbr channel_layout charset color driver framethreads
  hielevel hls_ts_options ich icl in_channel_count in_channel_layout la_depth list_dither list_drivers lowqual mfmode
  missing_streams no_window och ocl oggpagesize omx_libname omx_libprefix out_channel_count out_channel_layout pagesize
  print_deinit_summary request_channel_layout sc_detection spatial_aq sub_text_format temporal_aq ticks_per_frame tile_columns
  tilethreads ts_packetsize uch used_channel_count window_borderless window_enable_quit window_fullscreen write_header_ret
  write_trailer_ret zerocopy
without option: absf adrift_threshold async filter_complex_script filter_script map_channel psnr qphist top vbsf vol vsync
without unread: async top
end 1424
`,
  { base: ffmpeg5 }
) as OptionTable
